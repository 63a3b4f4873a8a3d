"""What is kept of an app's versions, and what is not."""

from __future__ import annotations

import os

import pytest

from onbox import records, stock
from tests.onbox.box import Box, keep


def whole() -> list[str]:
    """The letters of the releases that could be live again."""
    return [name[-1] for name in records.names("app") if stock.is_whole("app", name)]


def test_five_stay_with_their_builds_and_the_records_of_more(box: Box) -> None:
    for letter in "abcdefg":
        box.release(letter)
        box.reboot()  # so that none comes to its end still
    assert whole() == list("cdefg")
    assert len(box.builds()) == 5
    assert len(records.every("app")) == 7


def test_the_build_before_what_is_live_stays_for_the_pages_that_were_opened_then(box: Box) -> None:
    first, second = box.release("a"), box.release("b")
    (box.root / "env").write_text("A=2")
    third = box.release("b")
    box.reboot()
    for number in range(6):
        keep(f"20270102T00000{number}Z-c")
    stock.prune(third)
    assert box.builds() == [first["build"], second["build"]]


def test_a_version_stays_however_often_the_one_after_it_got_other_secrets(box: Box) -> None:
    box.release("a")
    for value in range(8):
        (box.root / "env").write_text(f"A={value}")
        box.release("b", like=records.every("app")[-1]["name"] if value else None)
        box.reboot()
    first, made, *others = [name for name in records.names("app") if stock.is_whole("app", name)]
    assert (first[-1], made) == ("a", records.names("app")[1]), "a rollback goes to one that is like no other"
    assert others == records.names("app")[-2:], "what came to its end, and what is live"


def test_what_runs_stays_however_old_it_is(box: Box) -> None:
    """It was pinned, and others were tried since and failed; or it still comes to its end."""
    for letter in "abcdefg":
        box.release(letter)
    assert whole() == list("abcdefg")


def test_one_that_is_being_made_stays(box: Box) -> None:
    first = box.release("a")
    keep("20260102T000000Z-b", result=None)
    stock.prune(records.read("app", first["name"]))
    assert os.path.isdir(f"{records.path('app', '20260102T000000Z-b')}/units")


def test_thirty_records_stay(box: Box) -> None:
    first = box.release("a")
    for number in range(40):
        keep(f"20260102T0000{number:02}Z-b", result="failed")
    stock.prune(first)
    assert len(records.names("app")) == 31  # and the live one's
    assert first["name"] in records.names("app")


def test_a_build_that_no_release_has_is_gone(box: Box) -> None:
    first = box.release("a")
    (box.home / "builds" / "left" / "node_modules").mkdir(parents=True)
    stock.prune(first)
    assert box.builds() == [first["name"]]


@pytest.mark.parametrize(
    ("source", "recipe", "found"), [("a" * 40, "r", True), ("a" * 40, "other", False), ("b" * 40, "r", False)]
)
def test_a_build_is_found_by_its_source_and_recipe(box: Box, source: str, recipe: str, found: bool) -> None:
    record = box.release("a")
    assert stock.build_of("app", source, recipe) == (record["name"] if found else None)


def test_a_build_that_was_not_finished_is_none(box: Box) -> None:
    record = box.release("a")
    records.write({**record, "built": False})
    assert stock.built("app") == []


def test_a_build_whose_folder_is_gone_is_none(box: Box) -> None:
    record = box.release("a")
    (box.home / "builds" / record["name"]).rename(box.root / "gone")
    assert stock.built("app") == []
    assert not stock.is_whole("app", record["name"])
