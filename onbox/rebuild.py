"""Rebuild: a box that has nothing yet gets all that another one had backed up away from it."""

from __future__ import annotations

import os
import re
import shutil
import time
from typing import Any

from onbox import backups, counts, detached, notes, pgbackrest, postgres
from onbox.restic import Repository
from onbox.shell import Failed
from onbox.shell import run as sh

Json = Any
RECORD = f"{backups.HOME}/rebuilt.json"
FILES = f"{backups.HOME}/rebuild"
LONGEST = 6 * 3600.0
"""Seconds that recovery may take."""


def observe(queries: list[Json]) -> list[Json]:
    """What was done of a rebuild, None where none was begun, and which databases have tables."""
    return [{"record": notes.read(RECORD), "data": _data(query["databases"])} for query in queries]


def _data(names: list[str]) -> list[str]:
    try:
        tables = counts.of(postgres.only(postgres.clusters()).ask, names)
    except Failed:
        return []
    return [name for name in names if tables.get(name)]


def apply(payload: Json) -> None:
    """Have it done in a unit of its own, which goes on when the connection is lost. Raises Failed."""
    detached.run("boxkeeper-rebuild", ["rebuild", "run"])


def run() -> None:
    """Bring the newest of everything. Cut off, it begins again. Raises Failed where something is not there."""
    what, began = backups.described(), time.time()
    with backups.alone():
        found: Json = {"began": began, "done": None, "changes": None, "files": None, "rows": None}
        notes.write(found, RECORD)
        number = len(what["repositories"])
        if what["databases"]:
            found["changes"], found["rows"] = _databases(number, list(what["databases"].values()))
        found["files"] = _files(Repository.of(what["repositories"][number - 1]), what)
        notes.write({**found, "done": time.time()}, RECORD)


def _databases(number: int, names: list[str]) -> tuple[str, int]:
    """Recover all that is in the repository. Returns the time of the newest change, in UTC, and how many rows."""
    cluster, there = postgres.only(postgres.clusters()), pgbackrest.backups(number)
    if not there:
        raise Failed("there is no backup of PostgreSQL away from the box")
    major = there[-1]["major"]
    if major != cluster.major:
        raise Failed(
            f"the backup is of PostgreSQL {major}, and this box has {cluster.major}: take a distribution with it"
        )
    data = cluster.data
    sh(["systemctl", "stop", cluster.unit])
    sh(["find", data, "-mindepth", "1", "-delete"])
    pgbackrest.restore(number, data, ["--type=default"], archive="preserve")
    with open(f"{data}/postgresql.auto.conf", "a") as file:
        file.write("hot_standby = 'off'\n")  # else a box with less memory stops in the middle of recovery
    sh(["systemctl", "start", cluster.unit], timeout=LONGEST)
    until = time.monotonic() + LONGEST
    while _recovers(cluster):
        if time.monotonic() > until:
            raise Failed(f"recovery takes longer than {LONGEST / 3600:.0f} h")
        time.sleep(0.5)
    rows = counts.of(cluster.ask, names)
    return _newest(cluster), sum(count for tables in rows.values() for count in tables.values())


def _recovers(cluster: postgres.Cluster) -> bool:
    try:
        return cluster.ask("SELECT pg_is_in_recovery()").strip() != "f"
    except Failed:
        return True


def _newest(cluster: postgres.Cluster) -> str:
    """When the newest change was made that came back, from the server's own log; "" where it had none to repeat."""
    with open(cluster.log, errors="replace") as file:
        return newest(file.read())


def newest(log: str) -> str:
    """The last time that a log names for what was recovered."""
    found = re.findall(r"last completed transaction was at log time (\S+ \S+)", log)
    return found[-1].partition(".")[0] if found else ""


def _files(repository: Repository, what: Json) -> str:
    """Put the newest snapshot into its places. Returns its time."""
    snapshots = repository.snapshots()
    if not snapshots:
        raise Failed(f"there is no backup of files at {repository.name}")
    shutil.rmtree(FILES, ignore_errors=True)
    repository.restore(snapshots[-1]["id"], FILES)
    for folder in what["folders"]:
        if folder != "/etc/boxkeeper":  # that is what the inventory says now
            _place(FILES + folder, folder)
    for each in what["frozen"]:
        sh(["systemctl", "stop", each["unit"]])
        _place(f"{FILES}{backups.COPIES}{each['folder']}", each["folder"])
        sh(["systemctl", "start", each["unit"]])
    shutil.rmtree(FILES)
    return str(snapshots[-1]["time"])


def _place(restored: str, folder: str) -> None:
    """The files of a folder that is there, for its owner of this box: accounts have other numbers than on that one."""
    if not os.path.isdir(restored):
        return
    was, is_now = os.stat(restored), os.stat(folder)
    users, groups = {was.st_uid: is_now.st_uid}, {was.st_gid: is_now.st_gid}
    for path in _below(restored):
        found = os.lstat(path)
        os.lchown(path, users.get(found.st_uid, found.st_uid), groups.get(found.st_gid, found.st_gid))
        if not os.path.islink(path):
            os.chmod(path, found.st_mode & 0o7777)  # what is given away loses its special bits
    sh(["cp", "-a", f"{restored}/.", folder])


def _below(folder: str) -> list[str]:
    return [folder, *(os.path.join(at, name) for at, *names in os.walk(folder) for each in names for name in each)]
