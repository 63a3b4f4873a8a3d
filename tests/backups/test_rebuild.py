"""A box that is lost in the middle of its work comes back on another one. Runs last here: its box is gone then."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from target import own
from target.box import Target
from target.kept.box import Box
from target.kept.trial import another, trial, where

pytestmark = pytest.mark.target
NOTE = "/srv/note-taker/shared/note.txt"


@pytest.fixture(scope="module")
def other(box: Box) -> Iterator[Target]:
    made = another(box, own("rebuilt"))
    yield made
    made.remove()


def test_a_lost_box_is_rebuilt_on_another_one(
    box: Box, other: Target, record_property: Callable[[str, object], None]
) -> None:
    box.target.succeed(f"mkdir -p {NOTE.rpartition('/')[0]}; echo 'of a user' >{NOTE}; chmod 640 {NOTE}")
    old = where(box)
    alive = box.command("rebuild", "ENV", "--onto", other.address, **old)
    assert (alive.returncode, b"still answers: turn it off first" in alive.stderr) == (2, True), alive

    found = trial(box, other)
    record_property("figures", f"rebuilt in {found.rebuilt:.0f} s, without the last {found.missing:.0f} s")
    assert found.missing < 75, "a minute, and what the clock and the line take"
    assert other.succeed(f"cat {NOTE}; stat -c '%U %a' {NOTE}").split("\n")[:2] == ["of a user", "note-taker 640"]
    assert f'write `host="{other.address}"`'.encode() in found.done.stdout
    assert b"changes until" in found.done.stdout
    plan = box.run("--dry", "--json", target=other.name, port=other.port(22))
    assert plan.changes == [], "it is as a run would have it"
    other.succeed("systemctl start boxkeeper-backup@now.service")  # the next backup goes on from those of the lost one
    again = box.command("rebuild", "ENV", "--onto", other.address, **old)
    assert again.returncode == 0, "there is nothing left to do"
