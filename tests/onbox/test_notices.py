"""What is past its limit is said when that begins and when it is over, and not in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from onbox import notices
from onbox.notices import HELD, OVER, changes

SLOW = {"p95 notes": ["warning", "notes is slow"]}
DOWN = {"down notes": ["critical", "notes is down"]}


def looks(*found: Any) -> list[list[str]]:
    """What is said after each of some looks."""
    known: dict[str, Any] = {}
    return [changes(known, each) for each in found]


def test_it_is_said_once_it_has_lasted_and_not_again() -> None:
    assert looks(*[SLOW] * 4) == [[], ["warning: notes is slow"], [], []]
    assert HELD == 2


def test_what_was_there_for_a_moment_is_not_said() -> None:
    assert looks(SLOW, {}, SLOW, {}) == [[], [], [], []]


def test_it_is_over_once_it_has_been_away_for_a_while() -> None:
    said = looks(SLOW, SLOW, *[{}] * OVER, SLOW)
    assert said[2:-2] == [[]] * (OVER - 1)
    assert said[-2:] == [["over: notes is slow"], []]


def test_what_comes_back_before_that_was_never_over() -> None:
    said = looks(SLOW, SLOW, *[{}] * (OVER - 1), SLOW, SLOW, *[{}] * (OVER - 1))
    assert [line for each in said for line in each] == ["warning: notes is slow"]


def test_an_app_that_is_down_is_said_at_once_and_soon_over() -> None:
    assert looks(DOWN, {}, {}) == [["critical: notes is down"], [], ["over: notes is down"]]


def test_what_gets_worse_is_said_again_and_what_gets_better_is_not() -> None:
    worse = {"p95 notes": ["critical", "notes is very slow"]}
    assert looks(SLOW, SLOW, worse, SLOW) == [[], ["warning: notes is slow"], ["critical: notes is very slow"], []]


def test_what_was_said_is_known_to_the_next_program_and_to_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "KNOWN", str(tmp_path / "known.json"))
    assert (notices.said(), notices.read()) == ([], {"known": {}, "unsent": []})
    state = notices.read()
    changes(state["known"], {**DOWN, **SLOW})
    notices.write(state)
    assert notices.said() == ["critical: notes is down"]
    assert changes(notices.read()["known"], DOWN) == []
    assert (tmp_path / "known.json").stat().st_mode & 0o777 == 0o600
