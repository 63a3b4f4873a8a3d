"""The PostgreSQL cluster that Debian's and Ubuntu's packages make: /etc/postgresql/VERSION/main."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from typing import Any

from onbox import files, units
from onbox.shell import Failed, run

Json = Any
STAMP = "postgresql"


def observe(queries: list[None]) -> list[Json]:
    return [_found() for _ in queries]


def _found() -> Json:
    found = version()
    paths = _paths(found) if found else []
    return {
        "version": found,
        "ram_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "cpus": os.cpu_count() or 1,
        "includes": bool(found) and _includes(found),
        "files": files.observe([paths])[0],
        "current": units.digest([*paths, *_unit_files()], []),
        "loaded": units.stamped(STAMP),
    }


def version() -> str | None:
    """The major version of the cluster called main; the newest where there are several."""
    with contextlib.suppress(FileNotFoundError):
        majors = [name for name in os.listdir("/etc/postgresql") if os.path.isdir(f"/etc/postgresql/{name}/main")]
        return max(majors, key=float, default=None)
    return None


def _paths(version: str) -> list[str]:
    home = f"/etc/postgresql/{version}/main"
    return [f"{home}/conf.d", f"{home}/conf.d/boxkeeper.conf", f"{home}/pg_hba.conf"]


def _includes(version: str) -> bool:
    """Whether the cluster reads conf.d; one that another tool made may not."""
    with open(f"/etc/postgresql/{version}/main/postgresql.conf") as file:
        return re.search(r"^\s*include_dir\s*=?\s*'conf\.d'", file.read(), re.MULTILINE) is not None


def _unit_files() -> list[str]:
    return ["/etc/systemd/system/postgresql@.service.d/boxkeeper.conf"]


def apply(payload: Json) -> None:
    cluster = version() or _create()
    files.apply({"paths": payload["files"], "prove": []})
    if not _includes(cluster):
        with open(f"/etc/postgresql/{cluster}/main/postgresql.conf", "a") as file:
            file.write("include_dir = 'conf.d'\n")
    unit = f"postgresql@{cluster}-main.service"
    before = units.digest([*_paths(cluster), *_unit_files()], [])
    run(["systemctl", "daemon-reload"])
    if not _answers():
        run(["systemctl", "restart", unit], timeout=120)
    else:
        run(["systemctl", "reload", unit], timeout=60)
        time.sleep(0.5)  # the postmaster reads its files after the signal
        if not _is_loaded(unit):
            run(["systemctl", "restart", unit], timeout=120)
    wait()
    units.stamp(STAMP, before)


def _create() -> str:
    """Make the cluster that the package should have made, but did not when its installation was cut off."""
    newest = max(os.listdir("/usr/lib/postgresql"), key=float)
    run(["pg_createcluster", newest, "main"])
    return newest


def _is_loaded(unit: str) -> bool:
    """Whether a reload was enough: no setting waits for a restart, and the unit's sandbox is the one on disk."""
    pending = sql("SELECT count(*) FROM pg_settings WHERE pending_restart").strip()
    sandbox = run(["systemctl", "show", unit, "--property=ActiveEnterTimestamp", "--timestamp=unix", "--value"])
    started = float(sandbox.strip().lstrip("@") or 0)
    newer = any(os.path.exists(path) and os.lstat(path).st_ctime > started for path in _unit_files())
    return pending == "0" and not newer


def _answers() -> bool:
    try:
        sql("SELECT 1")
    except Failed:
        return False
    return True


def wait(seconds: float = 60) -> None:
    """Until the cluster takes connections. Raises Failed when it has not after that long."""
    deadline = time.monotonic() + seconds
    while not _answers():
        if time.monotonic() > deadline:
            raise Failed("PostgreSQL takes no connections; `journalctl -u postgresql@*` says why")
        time.sleep(0.3)


def sql(statements: str, database: str = "postgres") -> str:
    """Run SQL as the superuser. It travels on standard input: arguments are for everybody to read."""
    command = ["runuser", "-u", "postgres", "--", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"]
    return run(command, stdin=statements.encode(), timeout=120)


def ask(question: str) -> Json:
    """The JSON that a SELECT answers, or None where there is no cluster to ask."""
    try:
        return json.loads(sql(question))
    except (Failed, ValueError):
        return None
