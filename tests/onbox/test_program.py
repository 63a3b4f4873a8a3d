"""Questions are put together by kind, and each answer comes back to who asked."""

from __future__ import annotations

import importlib
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from onbox import program
from onbox.shell import Failed


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Programs by their kind, in place of those in onbox/."""
    known: dict[str, Any] = {}
    monkeypatch.setattr(importlib, "import_module", lambda name: known[name.removeprefix("onbox.")])
    return known


def echo(calls: list[list[str]]) -> Any:
    def observe(queries: list[str]) -> list[str]:
        calls.append(queries)
        return [query.upper() for query in queries]

    return SimpleNamespace(observe=observe)


def test_each_kind_is_asked_once_and_answers_keep_their_order(kinds: dict[str, Any]) -> None:
    files: list[list[str]] = []
    units: list[list[str]] = []
    kinds.update(files=echo(files), units=echo(units))
    asked = [("files", "a"), ("units", "b"), ("files", "c"), ("units", "d"), ("files", "e")]
    assert program.observe(asked) == ["A", "B", "C", "D", "E"]
    assert (files, units) == ([["a", "c", "e"]], [["b", "d"]])


def test_kinds_are_asked_beside_each_other(kinds: dict[str, Any]) -> None:
    meeting = threading.Barrier(2, timeout=5)
    waits = SimpleNamespace(observe=lambda queries: [meeting.wait() >= 0 for _ in queries])
    kinds.update(one=waits, other=waits)
    assert program.observe([("one", ""), ("other", "")]) == [True, True]


def test_nothing_to_ask_is_no_question(kinds: dict[str, Any]) -> None:
    assert program.observe([]) == []


def test_a_kind_that_fails_is_not_swallowed(kinds: dict[str, Any]) -> None:
    def fail(queries: list[str]) -> list[str]:
        raise Failed("the disk is gone")

    kinds.update(files=echo([]), units=SimpleNamespace(observe=fail))
    with pytest.raises(Failed, match="the disk is gone"):
        program.observe([("files", "a"), ("units", "b")])


def test_a_kind_that_answers_less_than_it_was_asked_is_a_mistake(kinds: dict[str, Any]) -> None:
    kinds.update(files=SimpleNamespace(observe=lambda queries: []))
    with pytest.raises(ValueError, match="shorter"):
        program.observe([("files", "a")])
