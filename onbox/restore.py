"""Restore: what an app had at some time, beside what it has now, compared, and in its place when asked to."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

from onbox import backups, counts, postgres, scratch
from onbox.restic import Repository
from onbox.scratch import Scratch
from onbox.shell import Failed
from onbox.shell import run as sh

Json = Any
ARRIVES = 30.0
"""Seconds after which a piece of WAL is not waited for any longer."""


def run(text: str) -> None:
    """Restore as this JSON says, and print what was done. Raises Failed, which says so where nothing live was touched.

    {"app", "database" (or None), "folders", "services", "at" (UTC, or None for the newest), "into", "tables", "files",
    "replace", "from" (which repository, by its place)}
    """
    asked = json.loads(text)
    with backups.alone():
        try:
            for line in beside(asked, backups.described()):
                print(line, flush=True)
        except Failed as failed:
            raise Failed(f"{failed}\n--> what is live is as it was") from None
        for line in in_place(asked) if asked["replace"] else ():
            print(line, flush=True)


def beside(asked: Json, what: Json) -> Iterator[str]:
    """Bring it beside what is live, and say so line by line."""
    if asked["files"] or asked["folders"] or asked["services"]:
        yield from _files(asked, Repository.of(what["repositories"][asked["from"]]))
    if asked["database"] and not asked["files"]:
        yield from _database(asked)


def in_place(asked: Json) -> Iterator[str]:
    """Put what is beside into the place of what is live. By now all of it has arrived, and is compared."""
    if asked["database"]:
        yield from swapped(postgres.only(postgres.clusters()), asked["database"], asked["into"])
    for path, place in _places(asked).items():
        if os.path.isdir(_home(asked) + path):
            yield from _in_place(_home(asked) + path, place, asked["services"])


def _home(asked: Json) -> str:
    """The folder that files come into, by their whole paths."""
    return f"/srv/{asked['app']}/restored"


def _places(asked: Json) -> dict[str, str]:
    """Where each folder of the backup is when it is live. Services are backed up by their copies."""
    copies = {f"{backups.COPIES}{each['folder']}": each["folder"] for each in asked["services"]}
    return {folder: folder for folder in asked["folders"]} | copies


def _database(asked: Json) -> Iterator[str]:
    live = postgres.only(postgres.clusters())
    database, into = asked["database"], asked["into"]
    must_be_new(live, into)
    target = ["--type=default"]
    if asked["at"]:
        target = ["--type=time", f"--target={asked['at']}+00", "--target-action=promote"]
    yield from _away(live)
    yield f"PostgreSQL as it was {asked['at'] or 'now'}, in a scratch server:"
    started = time.monotonic()
    with scratch.restored(asked["from"] + 1, target) as copy:
        yield f"  recovered in {time.monotonic() - started:.0f} s"
        with arriving(live, into, database):
            copy.dump(database, asked["tables"], into)
            said = _compared(copy, live, database, into, asked["tables"])
        yield said


def must_be_new(live: postgres.Cluster, into: str) -> None:
    """Raises Failed where there is such a database."""
    if is_there(live, into):
        raise Failed(f"there is a database {into} already: choose another name with `--into`")


def is_there(live: postgres.Cluster, database: str) -> bool:
    return live.ask(f"SELECT count(*) FROM pg_database WHERE datname = '{database}'").strip() != "0"


@contextlib.contextmanager
def arriving(live: postgres.Cluster, into: str, owner: str) -> Iterator[None]:
    """A new database for as long as nothing fails: then it goes away again. Raises Failed where there is one."""
    must_be_new(live, into)
    create(live, into, owner)
    try:
        yield
    except BaseException:
        drop(live, into)
        raise


def drop(live: postgres.Cluster, database: str) -> None:
    """Drop a database, whoever is connected to it; nothing where there is none."""
    live.ask(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


def _away(live: postgres.Cluster) -> Iterator[str]:
    """Have all that was written until now in the repositories, with a transaction after it: else a time since the last
    one can't be recovered to. https://www.postgresql.org/docs/current/runtime-config-wal.html#GUC-RECOVERY-TARGET-TIME
    """
    piece = live.ask("SELECT txid_current();\nSELECT pg_walfile_name(pg_switch_wal())").split()[-1]
    deadline = time.monotonic() + ARRIVES
    while live.ask("SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver").strip()[:24] < piece:
        if time.monotonic() > deadline:
            yield "! the newest changes are not in every repository yet; what is restored may lack them"
            return
        time.sleep(0.2)


def create(live: postgres.Cluster, into: str, owner: str) -> None:
    """Make an empty database for the app that owns it, and for nobody else."""
    create = f"""CREATE DATABASE "{into}" OWNER "{owner}" TEMPLATE template0 ENCODING UTF8 LOCALE 'C.UTF-8';\n"""
    live.ask(f'{create}REVOKE ALL ON DATABASE "{into}" FROM PUBLIC;', timeout=120)


def _compared(copy: Scratch, live: postgres.Cluster, database: str, into: str, tables: Sequence[str]) -> str:
    """How much there is. Raises Failed where that is not what was backed up."""
    was = counts.of(copy.ask, [database])[database]
    if tables:
        was = {name: rows for name, rows in was.items() if name in tables or name.partition(".")[2] in tables}
    if wrong := counts.differences(counts.of(live.ask, [into])[into], was, was):
        raise Failed(f"what arrived in {into} is not what was backed up: {'; '.join(wrong[:5])}")
    return f"  database {into}: {len(was)} tables, {sum(was.values())} rows, each compared"


def swapped(live: postgres.Cluster, database: str, into: str) -> Iterator[str]:
    """The restored one by the name of the live one, in one transaction; that one is kept by another name."""
    kept = f"{database}_before_{_stamp()}"
    live.ask(
        f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false;\n'
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}';\n"
    )
    try:
        live.ask(
            f'BEGIN; ALTER DATABASE "{database}" RENAME TO "{kept}";'
            f' ALTER DATABASE "{into}" RENAME TO "{database}"; COMMIT;'
        )
    except Failed:
        live.ask(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')
        raise
    live.ask(f'ALTER DATABASE "{kept}" ALLOW_CONNECTIONS true; REVOKE ALL ON DATABASE "{kept}" FROM PUBLIC')
    yield f"  {database} is the restored one now; what was there is {kept}, until you drop it"


def _stamp() -> str:
    return time.strftime("%Y%m%dt%H%M%S", time.gmtime())


def _files(asked: Json, repository: Repository) -> Iterator[str]:
    snapshot = chosen(repository.snapshots(), asked["at"])
    yield f"Files as they were {snapshot['time'][:19]} UTC:"
    home, wanted = _home(asked), asked["files"] or list(_places(asked))
    shutil.rmtree(home, ignore_errors=True)
    repository.restore(snapshot["id"], home, *wanted)
    missing = [path for path in asked["files"] if not os.path.lexists(home + path)]
    if missing:
        raise Failed(f"{', '.join(missing)}: not in that backup")
    for path in wanted:
        if os.path.lexists(home + path):
            yield f"  {home}{path}"


def chosen(snapshots: list[Json], at: str | None) -> Json:
    """The newest one at some time. Raises Failed where there is none so old."""
    limit = datetime.fromisoformat(at).replace(tzinfo=timezone.utc) if at else None
    good = [one for one in snapshots if limit is None or _time(one["time"]) <= limit]
    if not good:
        oldest = f"the oldest one is of {snapshots[0]['time'][:19]} UTC" if snapshots else "there is none at all"
        raise Failed(f"no backup of files is so old: {oldest}")
    return good[-1]


def _time(text: str) -> datetime:
    """Of restic's texts, with nanoseconds and the box's zone, which Python 3.10 does not read."""
    second, zone = re.sub(r"\.\d+", "", text).replace("Z", "+00:00"), timezone.utc
    return datetime.fromisoformat(second).astimezone(zone)


def _in_place(restored: str, place: str, services: list[Json]) -> Iterator[str]:
    """A folder by the name of the live one, which is kept by another name; its service is stopped meanwhile."""
    kept = f"{place}.before-{_stamp()}"
    units = [each["unit"] for each in services if each["folder"] == place]
    for unit in units:
        sh(["systemctl", "stop", unit])
    try:
        if os.path.isdir(place):
            os.rename(place, kept)
        sh(["cp", "-a", restored, place])
    finally:
        for unit in units:
            sh(["systemctl", "start", unit])
    yield f"  {place} is the restored one now; what was there is {kept}, until you remove it"
