"""A trial: a box with some data is backed up, tried, lost in the middle of its work, and rebuilt on another one."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from target.box import Target
from target.kept.box import Box

WRITES = 75.0
"""Seconds that something is written each half a second: more than the minute in which a change has to be away."""
FILES = "/srv/note-taker/shared/uploads"


@dataclass(frozen=True)
class Trial:
    """What was seen, in seconds."""

    backup: float
    drill: float
    rebuilt: float
    """From the command to its end: the recovery time (RTO)."""
    missing: float
    """From the newest row that came back to the loss: the recovery point (RPO)."""
    done: subprocess.CompletedProcess[bytes]
    """The command that rebuilt it."""


def fill(box: Box, mb: int) -> None:
    """Half of it rows of a database, half of it files, neither of which compresses well."""
    rows = "SELECT n, string_agg(md5(random()::text), '') FROM generate_series(1, 32) m"
    box.sql(
        f"CREATE TABLE load AS SELECT n, text FROM generate_series(1, {mb * 512}) n, LATERAL ({rows}) AS each(m, text)"
    )
    box.target.succeed(f"mkdir -p {FILES}; for n in $(seq {mb // 2}); do head -c 1M /dev/urandom >{FILES}/$n; done")


def another(box: Box, name: str) -> Target:
    """A bare box that takes the key of the one that will be lost, as both would take their owner's."""
    made = Target.start(name)
    key = (box.target.folder / "id_ed25519.pub").read_text()
    made.succeed(f"echo '{key}' >>/root/.ssh/authorized_keys")
    known = (made.folder / "known_hosts").read_text().splitlines()
    with (box.target.folder / "known_hosts").open("a") as file:
        file.write("".join(f"{line}\n" for line in known if line.startswith(f"{made.address} ")))
    return made


def where(box: Box) -> dict[str, Any]:
    """What the inventory says while both boxes are meant: the old one by its own address."""
    return {"host": box.target.address, "port": 22}


def trial(box: Box, other: Target) -> Trial:
    """Lose the box, and have another one take its place."""
    backup, drill = (_timed(box, "backup", what, "ENV")[0] for what in ("now", "drill"))
    box.sql("CREATE TABLE beats (at timestamptz DEFAULT now())")
    until, old = time.monotonic() + WRITES, where(box)
    while time.monotonic() < until:
        box.sql("INSERT INTO beats DEFAULT VALUES")
        time.sleep(0.5)
    lost = datetime.now(timezone.utc)
    box.target.client.containers.get(box.target.name).kill()
    rebuilt, done = _timed(box, "rebuild", "ENV", "--onto", other.address, **old)
    newest = Box(other, box.folder, box.key).sql("SELECT extract(epoch FROM max(at)) FROM beats")
    return Trial(backup, drill, rebuilt, lost.timestamp() - float(newest), done)


def _timed(box: Box, *line: str, **wanted: Any) -> tuple[float, subprocess.CompletedProcess[bytes]]:
    began = time.monotonic()
    done = box.command(*line, **wanted)
    assert done.returncode == 0, done
    return time.monotonic() - began, done
