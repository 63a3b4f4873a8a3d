"""What has drifted on a box, and what of that is new since it last said so."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Sequence
from typing import Any

from onbox import files, notes, strangers

Json = Any
KNOWN = "/etc/boxkeeper/drift.json"
STATE = "/var/lib/boxkeeper/drift"
DAY = 86400.0
LOOKS = 30
"""Days that the disk's trend is taken from."""
SOON = 30
"""Days within which a disk that fills up is worth a word."""


def observe(queries: list[Json]) -> list[Json]:
    """Strangers, and when the disk will be full: days from now, None where it is not filling up."""
    return [{"strangers": strangers.found(query), "full_in_days": full_in(_samples())} for query in queries]


def report_changes() -> None:
    """Say what is new since the last time, and what is gone. What stays as it was is not said again."""
    with open(KNOWN) as file:
        described = json.load(file)
    now = [*_changed(described["files"]), *strangers.found(described), *_disk()]
    before = notes.read(f"{STATE}/said.json") or []
    new = [f"new: {line}" for line in now if line not in before]
    gone = [f"gone: {line}" for line in before if line not in now]
    if new or gone:
        print("\n".join([f"drift: {len(new)} new, {len(gone)} gone", *new, *gone]))
    _write("said", now)


def _changed(described: Sequence[Json]) -> list[str]:
    """Our own files that are not as they were put there."""
    [found] = files.observe([[entry["path"] for entry in described]])
    pairs = zip(described, found["paths"], strict=True)
    return sorted(f"changed: {entry['path']}" for entry, was in pairs if entry["wanted"] != was)


def _disk() -> list[str]:
    """Take today's sample. The line names no number, so that it is the same tomorrow."""
    disk = shutil.disk_usage("/")
    samples = [*_samples(), [time.time(), disk.used / (disk.used + disk.free)]][-LOOKS:]
    _write("disk", samples)
    days = full_in(samples)
    return [] if days is None or days > SOON else [f"disk: full within {SOON} days at this pace"]


def full_in(samples: Sequence[Sequence[float]]) -> float | None:
    """Days until a disk is full, by the straight line that fits [time in s, part that is used] best.

    None where it does not fill up, or is not known for three days yet.
    """
    if len(samples) < 3 or samples[-1][0] - samples[0][0] < 3 * DAY:
        return None
    days = [(moment - samples[-1][0]) / DAY for moment, _ in samples]
    used = [part for _, part in samples]
    middle, level = sum(days) / len(days), sum(used) / len(used)
    spread = sum((day - middle) ** 2 for day in days)
    growth = sum((day - middle) * (part - level) for day, part in zip(days, used, strict=True)) / spread
    return (1 - used[-1]) / growth if growth > 0 else None


def _samples() -> list[list[float]]:
    found: list[list[float]] = notes.read(f"{STATE}/disk.json") or []
    return found


def _write(name: str, value: Json) -> None:
    os.makedirs(STATE, mode=0o700, exist_ok=True)
    notes.write(value, f"{STATE}/{name}.json")
