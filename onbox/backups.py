"""Backups of this box: made, listed, verified. A backup is done when what is away from the box has been read back."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from onbox import counts, lock, notes, pgbackrest, postgres, told
from onbox.restic import Repository
from onbox.shell import Failed
from onbox.shell import run as sh

Json = Any
DESCRIBED = "/etc/boxkeeper/backups/backups.json"
HOME = "/var/lib/boxkeeper/backups"
RECORD = f"{HOME}/made.json"
COPIES = f"{HOME}/copies"
"""Folders of services as they were at one moment."""
FRESH = 20 * 3600.0
"""Seconds that a backup is new for: a reboot in between makes no other one."""
FULL = 7 * 86400.0
"""Seconds after which a backup of PostgreSQL is a full one again: more days of changes take longer to restore."""


def described() -> Json:
    """What to back up, and where to. Raises Failed where nothing is to be."""
    try:
        with open(DESCRIBED) as file:
            return json.load(file)
    except FileNotFoundError:
        raise Failed("this box has no backups: write `backups=Backups()` into its Server, and run") from None


def record() -> Json:
    """What was written down of the last one; None where there was none."""
    return notes.read(RECORD)


def since() -> float:
    """When this box was told of its backups last, in seconds since 1970; 0 where it was not."""
    with contextlib.suppress(FileNotFoundError):
        return os.stat(DESCRIBED).st_mtime
    return 0.0


def alone() -> AbstractContextManager[None]:
    """One backup, check or restore at a time; the others wait for it."""
    os.makedirs(HOME, mode=0o700, exist_ok=True)
    return lock.alone(f"{HOME}/lock")


def due() -> None:
    """Make a backup unless there is a new one."""
    last = record()
    if last is None or last["failed"] or time.time() - last["stop"] > FRESH:
        now()


def now() -> None:
    """Make a backup. Raises Failed, after all that works, where a part of it does not."""
    what, started = described(), time.time()
    with alone():
        failed: dict[str, str] = {}
        made: dict[str, Json] = {repository["name"]: {} for repository in what["repositories"]}
        if what["databases"]:
            _databases(what, made, failed)
        _copy(what)
        folders = [*(folder for folder in what["folders"] if os.path.isdir(folder)), COPIES]
        for each in what["repositories"]:
            with _noting(failed, each["name"]):
                made[each["name"]]["files"] = _files(Repository.of(each), folders, what)
        mark = _mark(what, failed) if what["databases"] else None
        stop = time.time()
        before = record() or {}
        good = started if not failed else before.get("good")
        first = before.get("first") or good
        found = {"start": started, "stop": stop, "made": made, "failed": failed, "mark": mark}
        notes.write({**found, "good": good, "first": first}, RECORD)
    if failed:
        raise Failed(f"this backup is not whole: {', '.join(failed)}")
    print(f"backed up in {stop - started:.0f} s, and read back: {', '.join(made)}")
    if what["ping"]:
        with _saying("the backup is done"):
            told.call(what["ping"])


@contextlib.contextmanager
def _saying(good: str) -> Iterator[None]:
    """What went well is not lost in what did not."""
    try:
        yield
    except Failed as failure:
        raise Failed(f"{good}; {failure}") from None


@contextlib.contextmanager
def _noting(failed: dict[str, str], place: str) -> Iterator[None]:
    """One place that fails keeps no other one from its backup."""
    try:
        yield
    except Failed as failure:
        failed.setdefault(place, str(failure))
        print(f"{place}: {failure}")


def _databases(what: Json, made: dict[str, Json], failed: dict[str, str]) -> None:
    names = [repository["name"] for repository in what["repositories"]]
    with _noting(failed, names[-1]):
        pgbackrest.on_server("stanza-create")  # in all of them; where there is one it changes nothing
    for number, name in enumerate(names, 1):
        if name in failed and number > 1:
            continue
        with _noting(failed, name):
            label = pgbackrest.backup(number, _kind(number))
            pgbackrest.verify(number, [f"--set={label}"])
            made[name]["postgres"] = label
            print(f"{name}: PostgreSQL {label}")


def _kind(number: int) -> str:
    full = [one for one in pgbackrest.backups(number) if one["type"] == "full"]
    return "incr" if full and time.time() - full[-1]["start"] < FULL else "full"


def _files(repository: Repository, folders: list[str], what: Json) -> str:
    repository.begin()
    snapshot = repository.backup(folders, what["host"])
    repository.forget(what["keep_days"])
    # what was just written is read back with a seventh of the rest, another one each day
    repository.verify(f"{int(time.time() // 86400) % 7 + 1}/7")
    repository.restore(snapshot, f"{HOME}/read-back", "/etc/boxkeeper")
    shutil.rmtree(f"{HOME}/read-back", ignore_errors=True)
    print(f"{repository.name}: files {snapshot[:8]}")
    return snapshot


def _copy(what: Json) -> None:
    """Copy the folders of services while they are frozen: as a power cut would leave them, which they all survive."""
    shutil.rmtree(COPIES, ignore_errors=True)
    os.makedirs(COPIES, mode=0o700)
    for each in what["frozen"]:
        if not os.path.isdir(each["folder"]):
            continue
        to = f"{COPIES}{each['folder']}"
        os.makedirs(os.path.dirname(to), exist_ok=True)
        with _frozen(each["unit"]):
            sh(["cp", "-a", "--reflink=auto", each["folder"], to])


@contextlib.contextmanager
def _frozen(unit: str) -> Iterator[None]:
    """What asks the service meanwhile waits for some milliseconds; one that is not running is as it is."""
    sh(["systemctl", "freeze", unit], ok=(0, 1))
    try:
        yield
    finally:
        sh(["systemctl", "thaw", unit], ok=(0, 1))


def _mark(what: Json, failed: dict[str, str]) -> Json:
    """A point of time to be recovered to, with how many rows there were: what a drill compares with."""
    cluster = postgres.only(postgres.clusters())
    name, databases = f"boxkeeper-{int(time.time())}", list(what["databases"].values())
    before = counts.of(cluster.ask, databases)
    cluster.ask(f"SELECT pg_create_restore_point('{name}')")
    after = counts.of(cluster.ask, databases)
    with _noting(failed, what["repositories"][-1]["name"]):
        pgbackrest.on_server("check")  # a change arrives in every repository
    return {"name": name, "time": time.time(), "before": before, "after": after}


def verify() -> None:
    """Read all of every repository. Raises Failed for what is damaged or can't be reached."""
    what, failed = described(), dict[str, str]()
    with alone():
        for number, each in enumerate(what["repositories"], 1):
            if what["databases"]:
                with _noting(failed, each["name"]):
                    pgbackrest.verify(number)
                    print(f"{each['name']}: PostgreSQL is whole")
            with _noting(failed, each["name"]):
                Repository.of(each).verify()
                print(f"{each['name']}: files are whole")
    if failed:
        raise Failed(f"damaged or out of reach: {', '.join(failed)}")


def observe(queries: list[Json]) -> list[Json]:
    """What is in every repository."""
    return [_listed() for _ in queries]


def _listed() -> Json:
    what = described()
    return {
        "last": record(),
        "repositories": [_in(number, each, what) for number, each in enumerate(what["repositories"], 1)],
    }


def _in(number: int, each: Json, what: Json) -> Json:
    try:
        databases = pgbackrest.backups(number) if what["databases"] else []
        return {"name": each["name"], "postgres": databases, "files": Repository.of(each).snapshots(), "fault": ""}
    except Failed as failed:
        return {"name": each["name"], "postgres": [], "files": [], "fault": str(failed)}
