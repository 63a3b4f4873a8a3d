"""What a unit said last: its own words, of one life."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from onbox import journal


def entries(*said: tuple[str, object]) -> str:
    return "".join(json.dumps({"_SYSTEMD_INVOCATION_ID": life, "MESSAGE": message}) + "\n" for life, message in said)


def last_lines(monkeypatch: pytest.MonkeyPatch, own: str, systemds: str = "", lines: int = 30) -> list[str]:
    def said(argv: Sequence[str]) -> str:
        return own if "--output=json" in argv else systemds

    monkeypatch.setattr(journal, "said", said)
    return journal.last_lines("app.service", 0, lines).splitlines()


def test_a_line_that_comes_again_and_again_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    own = entries(("1", "begins"), *[("1", "GET /health 500")] * 20, ("1", "ends"))
    assert last_lines(monkeypatch, own) == ["  begins", "  GET /health 500  (20 times)", "  ends"]


def test_of_several_lives_it_is_the_last_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one after it has only begun, and not met its end yet."""
    own = entries(("1", "begins"), ("1", "no database"), ("2", "begins"), ("2", "no such table"), ("3", "begins"))
    assert last_lines(monkeypatch, own) == ["  begins", "  no such table"]


def test_of_one_life_it_is_that(monkeypatch: pytest.MonkeyPatch) -> None:
    assert last_lines(monkeypatch, entries(("1", "begins"), ("1", "ends"))) == ["  begins", "  ends"]


def test_of_a_long_life_it_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    own = entries(*(("1", f"line {number}") for number in range(50)))
    assert last_lines(monkeypatch, own, lines=2) == ["  line 48", "  line 49"]


def test_one_that_said_nothing_has_systemds_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert last_lines(monkeypatch, "", "Failed with result 'oom-kill'.\n") == ["  Failed with result 'oom-kill'."]


def test_bytes_that_are_no_text_are_shown_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    assert last_lines(monkeypatch, entries(("1", list(b"caf\xe9")), ("1", "ends"))) == [
        "  caf\N{REPLACEMENT CHARACTER}",
        "  ends",
    ]
