"""Records: whole or not at all, the oldest first, and for root alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onbox import records
from tests.onbox.box import Box, keep


def test_a_record_is_read_as_it_was_written_and_for_root_alone(box: Box) -> None:
    keep("one")
    records.write({"app": "app", "name": "one", "result": "live"})
    assert records.read("app", "one") == {"app": "app", "name": "one", "result": "live"}
    file = Path(records.path("app", "one"), "release.json")
    assert file.stat().st_mode & 0o777 == 0o600
    assert not os.path.exists(f"{file}.new")


@pytest.mark.parametrize("text", ["", "{", "\xff"])
def test_a_record_that_is_torn_is_none(box: Box, text: str) -> None:
    keep("one")
    Path(records.path("app", "one"), "release.json").write_bytes(text.encode("latin-1"))
    assert records.read("app", "one") is None
    assert records.every("app") == []


def test_records_come_the_oldest_first_and_folders_without_one_are_left_out(box: Box) -> None:
    for name in ("20260102T000000Z-a", "20260101T000000Z-b", "20260103T000000Z-c"):
        keep(name)
    (box.home / "releases" / "20260104T000000Z-d").mkdir()
    assert [record["name"][-1] for record in records.every("app")] == ["b", "a", "c"]


def test_an_app_that_is_not_there_has_none(box: Box) -> None:
    assert records.every("other") == []


def test_a_step_is_in_the_record_and_in_the_journal(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    keep("one")
    record = records.read("app", "one")
    records.step(record, "build")
    assert records.read("app", "one")["step"] == "build"
    assert capsys.readouterr().out == "one: build\n"
