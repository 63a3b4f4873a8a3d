"""Drill: the newest backup is restored for a trial, from the place away from the box, and compared with what was."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from typing import Any

from onbox import backups, counts, notes, scratch
from onbox.restic import Repository
from onbox.shell import Failed

Json = Any
RECORD = f"{backups.HOME}/drill.json"
FILES = f"{backups.HOME}/drill"


def run() -> None:
    """Do it, write down how it went, and say so. Raises Failed: what could not be verified is no backup."""
    what, started = backups.described(), time.time()
    with backups.alone():
        found: Json = {"start": started, "place": what["repositories"][-1]["name"], "fault": "", "seconds": {}}
        try:
            _drill(what, found)
        except Failed as failed:
            found["fault"] = str(failed)
        finally:
            shutil.rmtree(FILES, ignore_errors=True)
        before = notes.read(RECORD) or {}
        found["stop"] = time.time()
        found["good"] = before.get("good") if found["fault"] else started
        notes.write(found, RECORD)
    if found["fault"]:
        raise Failed(f"the drill failed: {found['fault']}")
    took = ", ".join(f"{part} in {seconds:.0f} s" for part, seconds in found["seconds"].items())
    print(f"restored from {found['place']} and compared: {took}; {found['rows']} rows, {found['files']} files")


def _drill(what: Json, found: Json) -> None:
    made = backups.record()
    if made is None or made["good"] is None:
        raise Failed("there is no backup yet: `boxkeeper backup now` makes one")
    place = len(what["repositories"]) - 1
    found["rows"] = _databases(what, made, place + 1, found) if what["databases"] else 0
    began = time.monotonic()
    found["files"] = _files(Repository.of(what["repositories"][place]))
    found["seconds"]["files"] = time.monotonic() - began


def _databases(what: Json, made: Json, number: int, found: Json) -> int:
    """Recover to the mark that the newest backup set, and compare. Returns the number of rows."""
    mark, began = made["mark"], time.monotonic()
    if mark is None:
        raise Failed("the newest backup did not note how many rows there were")
    target = ["--type=name", f"--target={mark['name']}", "--target-action=promote"]
    with scratch.restored(number, target) as copy:
        found["seconds"]["PostgreSQL"] = time.monotonic() - began
        copy.amcheck()
        names = list(mark["before"])
        there = counts.of(copy.ask, names)
    wrong = [
        f"{name}: {fault}"
        for name in names
        for fault in counts.differences(there[name], mark["before"][name], mark["after"][name])
    ]
    if wrong:
        raise Failed("; ".join(wrong[:5]))
    return sum(rows for tables in there.values() for rows in tables.values())


def _files(repository: Repository) -> int:
    """Restore the newest snapshot, and read what has not changed since beside what is live. Returns how many files."""
    snapshots = repository.snapshots()
    if not snapshots:
        raise Failed(f"{repository.name} has no backup of files")
    repository.restore(snapshots[-1]["id"], FILES)
    number, wrong = 0, []
    for folder, _, names in os.walk(FILES):
        for name in names:
            path = os.path.join(folder, name)
            number += 1
            if _differs(path, path.removeprefix(FILES)):
                wrong.append(path.removeprefix(FILES))
    if wrong:
        raise Failed(f"{', '.join(wrong[:5])}: other bytes than on the box, though not changed since")
    if not number:
        raise Failed(f"the newest backup of files at {repository.name} is empty")
    return number


def _differs(restored: str, live: str) -> bool:
    if os.path.islink(restored) or not os.path.isfile(restored) or not os.path.isfile(live):
        return False
    one, other = os.stat(restored), os.stat(live)
    if (one.st_size, one.st_mtime_ns) != (other.st_size, other.st_mtime_ns):
        return False
    return _hash(restored) != _hash(live)


def _hash(path: str) -> str:
    with open(path, "rb") as file:
        total = hashlib.sha256()
        while chunk := file.read(1 << 20):
            total.update(chunk)
    return total.hexdigest()
