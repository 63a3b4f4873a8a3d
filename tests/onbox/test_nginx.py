"""The handover from one nginx to a second one."""

from __future__ import annotations

import os
import signal
import time

import pytest

from onbox import nginx, units


def test_the_second_nginx_has_workers_before_the_first_is_told_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen between the two signals: the second as a child of the first, no number of any, one that has just begun."""
    seen: list[tuple[int | None, set[int]]] = [(1, {2, 3}), (1, {2, 3, 9}), (None, set()), (9, set()), (9, {10, 11})]
    asked = []

    def kill(process: int, number: int) -> None:
        asked.append((process, number, len(seen)))
        seen.pop(0) if number == signal.SIGUSR2 else None

    monkeypatch.setattr(os, "kill", kill)
    monkeypatch.setattr(time, "sleep", lambda _: seen.pop(0))
    monkeypatch.setattr(nginx, "master", lambda: seen[0][0])
    monkeypatch.setattr(nginx, "_workers", lambda: seen[0][1])
    monkeypatch.setattr(nginx, "_first", lambda: 1 if seen[0][0] == 9 else None)
    monkeypatch.setattr(nginx, "_objection", lambda _: "")
    monkeypatch.setattr(units, "show", lambda *_: {nginx.UNIT: {"MainPID": "1"}})
    monkeypatch.setattr(units, "digest", lambda *_: "")
    monkeypatch.setattr(units, "stamp", lambda *_: None)
    nginx.renew()
    assert asked == [(1, signal.SIGUSR2, 5), (1, signal.SIGQUIT, 1)]
