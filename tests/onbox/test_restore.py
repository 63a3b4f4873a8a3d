"""Which backup a time means, and how rows that came back are compared with those that were."""

from __future__ import annotations

import pytest

from onbox.counts import differences
from onbox.restore import chosen
from onbox.shell import Failed

SNAPSHOTS = [
    {"id": "first", "time": "2026-01-01T02:30:05.123456789Z"},
    {"id": "second", "time": "2026-01-02T04:30:05.123456789+02:00"},
    {"id": "third", "time": "2026-01-03T02:30:05Z"},
]


@pytest.mark.parametrize(
    ("at", "found"),
    [
        (None, "third"),
        ("2026-01-03 12:00:00", "third"),
        ("2026-01-02 02:30:05", "second"),
        ("2026-01-02 02:30:04", "first"),
    ],
)
def test_a_time_means_the_newest_backup_before_it(at: str | None, found: str) -> None:
    assert chosen(SNAPSHOTS, at)["id"] == found


def test_a_time_before_the_oldest_backup_is_said_with_the_oldest() -> None:
    with pytest.raises(Failed, match="no backup of files is so old: the oldest one is of 2026-01-01T02:30:05 UTC"):
        chosen(SNAPSHOTS, "2025-12-31 00:00:00")
    with pytest.raises(Failed, match="no backup of files is so old: there is none at all"):
        chosen([], None)


def test_rows_between_before_and_after_are_as_they_were() -> None:
    assert differences({"public.a": 5}, {"public.a": 4}, {"public.a": 6}) == []
    assert differences({"public.a": 5}, {"public.a": 6}, {"public.a": 4}) == [], "some were taken away"
    assert differences({"public.a": 7}, {"public.a": 4}, {"public.a": 6}) == ["public.a has 7 rows, not 4 to 6"]


def test_a_table_that_was_there_before_and_after_is_missed() -> None:
    assert differences({}, {"public.a": 1}, {"public.a": 1}) == ["public.a is missing"]
    assert differences({}, {"public.a": 1}, {}) == [], "it was dropped meanwhile"


def test_other_rows_than_there_were_are_said() -> None:
    assert differences({"public.a": 2}, {"public.a": 1}, {"public.a": 1}) == ["public.a has 2 rows, not 1"]
