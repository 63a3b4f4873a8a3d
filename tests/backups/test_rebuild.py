"""A box that is lost in the middle of its work comes back on another one. Runs last here: its box is gone then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from target import own
from target.box import Target
from tests.backups.box import Box

pytestmark = pytest.mark.target
NOTE = "/srv/note-taker/shared/note.txt"
WRITES = 75.0
"""Seconds that something is written each half a second: more than the minute in which a change has to be away."""


@pytest.fixture(scope="module")
def other(box: Box) -> Iterator[Target]:
    """A new box, which takes the key of the one that will be lost, as both would take their owner's."""
    made = Target.start(own("rebuilt"))
    key = (box.target.folder / "id_ed25519.pub").read_text()
    made.succeed(f"echo '{key}' >>/root/.ssh/authorized_keys")
    known = (made.folder / "known_hosts").read_text().splitlines()
    with (box.target.folder / "known_hosts").open("a") as file:
        file.write("".join(f"{line}\n" for line in known if line.startswith(f"{made.address} ")))
    yield made
    made.remove()


def test_a_lost_box_is_rebuilt_on_another_one(
    box: Box, other: Target, record_property: Callable[[str, object], None]
) -> None:
    box.sql("CREATE TABLE IF NOT EXISTS beats (at timestamptz DEFAULT now()); GRANT ALL ON beats TO note_taker")
    box.target.succeed(f"mkdir -p {NOTE.rpartition('/')[0]}; echo 'of a user' >{NOTE}; chmod 640 {NOTE}")
    where: dict[str, Any] = {"host": box.target.address, "port": 22}
    assert box.command("backup", "now", "ENV").returncode == 0
    alive = box.command("rebuild", "ENV", "--onto", other.address, **where)
    assert (alive.returncode, b"still answers: turn it off first" in alive.stderr) == (2, True), alive
    until = time.monotonic() + WRITES
    while time.monotonic() < until:
        box.sql("INSERT INTO beats DEFAULT VALUES")
        time.sleep(0.5)
    lost = datetime.now(timezone.utc)
    box.target.client.containers.get(box.target.name).kill()

    began = time.monotonic()
    done = box.command("rebuild", "ENV", "--onto", other.address, **where)
    seconds = time.monotonic() - began
    assert done.returncode == 0, done

    new = Box(other, box.folder, box.key)
    newest = datetime.fromisoformat(
        new.sql("SELECT to_char(max(at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') FROM beats")
    )
    missing = (lost - newest.replace(tzinfo=timezone.utc)).total_seconds()
    record_property("figures", f"rebuilt in {seconds:.0f} s (RTO), without the last {missing:.0f} s (RPO)")
    assert missing < 75, "a minute, and what the clock and the line take"
    assert other.succeed(f"cat {NOTE}; stat -c '%U %a' {NOTE}").split("\n")[:2] == ["of a user", "note-taker 640"]
    assert f'write `host="{other.address}"`'.encode() in done.stdout
    assert b"changes until" in done.stdout
    plan = box.run("--dry", "--json", target=other.name, port=other.port(22))
    assert plan.changes == [], "it is as a run would have it"
    other.succeed("systemctl start boxkeeper-backup@now.service")  # the next backup goes on from those of the lost one
    again = box.command("rebuild", "ENV", "--onto", other.address, **where)
    assert again.returncode == 0, "there is nothing left to do"
