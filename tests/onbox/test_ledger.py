"""A CA's limits are never reached."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from onbox import ledger

NAMES = ("example.com", "www.example.com")
NOW = 1_800_000_000.0


def test_an_empty_ledger_refuses_nothing() -> None:
    assert ledger.refusal({}, NAMES, NOW) == ""


def test_three_failures_within_an_hour_are_enough() -> None:
    book: dict[str, Any] = {}
    for minutes in (0, 10, 20):
        ledger.note(book, NAMES, NOW + minutes * 60, issued=False)
    assert ledger.refusal(book, NAMES, NOW + 1300).startswith("3 attempts failed within an hour")
    assert ledger.refusal(book, NAMES, NOW + 3601) == ""


def test_three_certificates_within_a_week_are_enough() -> None:
    book: dict[str, Any] = {}
    for day in (0, 1, 2):
        ledger.note(book, NAMES, NOW + day * 86400, issued=True)
    assert ledger.refusal(book, NAMES, NOW + 3 * 86400).startswith("3 certificates were issued within a week")
    assert ledger.refusal(book, NAMES, NOW + 7 * 86400 + 1) == ""


def test_a_ca_that_says_later_is_heeded() -> None:
    book: dict[str, Any] = {}
    ledger.note(book, NAMES, NOW, issued=False, not_before=NOW + 7200)
    assert ledger.refusal(book, NAMES, NOW + 7199) == f"the CA asks to wait until {ledger.clock(NOW + 7200)}"
    assert ledger.refusal(book, NAMES, NOW + 7201) == ""


def test_the_order_of_names_is_no_way_around_and_other_names_are_free() -> None:
    book: dict[str, Any] = {}
    for _ in range(3):
        ledger.note(book, NAMES, NOW, issued=False)
    assert ledger.refusal(book, NAMES[::-1], NOW) != ""
    assert ledger.refusal(book, NAMES[:1], NOW) == ""


@given(some.lists(some.tuples(some.floats(0, 1e5), some.booleans()), max_size=60))
def test_whatever_happens_no_more_than_three_of_a_kind_are_made(steps: list[tuple[float, bool]]) -> None:
    book: dict[str, Any] = {}
    now, made = NOW, list[tuple[float, bool]]()
    for pause, issued in steps:
        now += pause
        if not ledger.refusal(book, NAMES, now):
            ledger.note(book, NAMES, now, issued)
            made.append((now, issued))
            book = json.loads(json.dumps(book))  # as between two runs
    for moment, _ in made:
        assert sum(not issued and moment - 3600 < other <= moment for other, issued in made) <= 3
        assert sum(issued and moment - 7 * 86400 < other <= moment for other, issued in made) <= 3
