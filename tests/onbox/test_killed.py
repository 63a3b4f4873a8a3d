"""Handovers that are killed: before each single step of a release, and of a renewal."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from onbox import records, releases, slots, stock
from onbox.shell import Failed
from tests.onbox.box import Box, Killed


def whole(box: Box) -> None:
    """What has to be so however a release ended."""
    now = slots.live("app")
    assert all(record["result"] in ("live", "failed", "cut off") for record in records.every("app"))
    ending = [slot for slot in slots.every("app") if slots.ends(slot)]
    assert [slot for slot in slots.every("app") if slot not in (now, *ending)] == []
    assert now not in ending
    files = {name for slot in slots.every("app") for name in slot.units}
    assert {path.name for path in (box.root / "units").iterdir()} == files
    assert box.runs.keys() <= files
    assert not list(box.root.glob("while-up/*")), "it would stop others whenever it starts"
    if now is not None:
        assert slots.proven(now) == now.release
        assert [box.states.get(unit) for unit in now.units] == ["active"] * len(now.units)
        assert {box.runs[unit] for unit in now.services()} == {now.release}
        record = now.record
        assert record["result"] == "live"
        assert record["build"] in box.builds()
    assert set(box.builds()) == {each["build"] for each in stock.built("app") if stock.is_whole("app", each["name"])}
    assert not os.path.lexists(box.home / "next")


def beside(box: Box) -> None:
    box.release("a")


def in_place(box: Box) -> None:
    box.release("a")
    box.memory_mb = 100


def in_place_with_other_processes(box: Box) -> None:
    in_place(box)
    box.wants({"web": "web", "other": "worker"})


def first(box: Box) -> None:
    """Nothing was there before."""


def release(box: Box) -> None:
    releases.apply(box.spec("b"))


def renewal(_: Box) -> None:
    releases.renew("app")


@pytest.mark.parametrize(
    ("before", "ask", "power_fails"),
    [
        *((before, release, False) for before in (first, beside, in_place, in_place_with_other_processes)),
        *((before, release, True) for before in (beside, in_place_with_other_processes)),
        *((before, renewal, False) for before in (beside, in_place)),
        *((before, renewal, True) for before in (beside, in_place)),
    ],
)
def test_wherever_a_handover_is_killed_the_box_is_whole_and_the_next_one_works(
    tmp_path: Path, before: Callable[[Box], None], ask: Callable[[Box], None], power_fails: bool
) -> None:
    lives, ended = 0, set()
    while True:
        with pytest.MonkeyPatch.context() as patch:
            box = Box(tmp_path / str(lives))
            box.install(patch)
            before(box)
            was = box.live
            box.now += 10
            box.lives, box.power_fails = lives, power_fails
            try:
                ask(box)
                if box.lives is not None:
                    break  # all its steps were taken
            except (Failed, Killed):
                pass
            box.lives = None
            if power_fails:
                box.reboot()
            releases.settle("app")
            whole(box)
            ended.add(box.live)
            assert box.live in (was, "b")
            box.release("c")
            whole(box)
            assert box.live == "c"
        lives += 1
    assert lives > (40 if ask is release else 20)
    assert ended == ({was, "b"} if ask is release else {was})
