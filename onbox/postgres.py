"""PostgreSQL: the one cluster of the box, its settings, and the roles and databases in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import Any, TypedDict

from onbox import files, machine, packages, units
from onbox.shell import Failed, run

Json = Any
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
CLUSTERS = "/etc/postgresql"
PATHS = ("conf.d", "conf.d/99-boxkeeper.conf", "pg_hba.conf", "start.conf")
"""In the folder of the cluster's settings; `roles/postgres.py` says what is in them."""
GUARD = "/etc/systemd/system/postgresql@.service.d/boxkeeper.conf"
PATIENCE = 60.0
"""Seconds that a starting server may take; longer is a recovery that somebody should look at."""

# `found`: what the server says of itself, in one query. Of a password only the hash of its verifier leaves the box.
STATE = r"""
SELECT json_build_object(
  'digest', current_setting('boxkeeper.digest', true),
  'pending', (SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM pg_settings WHERE pending_restart),
  'overridden', (SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM pg_file_settings
                 WHERE sourcefile ~ 'postgresql\.auto\.conf$'),
  'roles', (SELECT coalesce(json_object_agg(rolname, json_build_object(
      'login', rolcanlogin, 'inherit', rolinherit, 'limit', rolconnlimit,
      'powers', rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls,
      'password', encode(sha256(convert_to(rolpassword, 'UTF8')), 'hex'),
      'settings', (SELECT setconfig FROM pg_db_role_setting WHERE setrole = r.oid AND setdatabase = 0),
      'groups', (SELECT coalesce(json_agg(DISTINCT pg_get_userbyid(roleid)), '[]') FROM pg_auth_members
                 WHERE member = r.oid))), '{}')
    FROM pg_authid AS r WHERE rolname !~ '^pg_' AND oid <> 10),
  'databases', (SELECT json_object_agg(datname, json_build_object(
      'owner', pg_get_userbyid(datdba),
      'others', (SELECT coalesce(json_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END),
                 '[]') FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE grantee <> datdba)))
    FROM pg_database WHERE datname <> 'template0'))
"""


class Account(TypedDict):
    """Whom `subprocess` is to start a program as."""

    user: str
    group: str
    extra_groups: list[str]
    cwd: str


ACCOUNT: Account = {"user": "postgres", "group": "postgres", "extra_groups": [], "cwd": "/"}


@dataclass(frozen=True)
class Cluster:
    """A cluster as Debian keeps it: settings in /etc/postgresql/MAJOR/NAME, data where they say."""

    major: str
    name: str

    @property
    def folder(self) -> str:
        return os.path.join(CLUSTERS, self.major, self.name)

    @property
    def unit(self) -> str:
        return f"postgresql@{self.major}-{self.name}.service"

    @property
    def log(self) -> str:
        return f"/var/log/postgresql/postgresql-{self.major}-{self.name}.log"

    def program(self, name: str) -> str:
        """Past /usr/bin/psql, which is a Perl script that looks for the cluster and takes 60 ms to find it."""
        return f"/usr/lib/postgresql/{self.major}/bin/{name}"

    def ask(
        self, sql: str, timeout: float = 20, database: str = "postgres", place: tuple[str, str] | None = None
    ) -> str:
        """What psql says as the superuser; `place` is port and socket folder of another server of this version.

        Raises Failed with its errors, never with the statements.
        """
        port, folder = place or self._listens()
        options = ["-XAtq", "-v", "ON_ERROR_STOP=1", "-h", folder, "-p", port, "-d", database, "-f", "-"]
        try:
            done = subprocess.run(
                [self.program("psql"), *options],
                input=("\\set VERBOSITY terse\n" + sql).encode(),
                capture_output=True,
                timeout=timeout,
                check=False,
                **ACCOUNT,
                env={**ENVIRONMENT, "PGCLIENTENCODING": "UTF8", "PGCONNECT_TIMEOUT": "10"},
            )
        except (OSError, LookupError, subprocess.TimeoutExpired) as error:
            raise Failed(f"psql: {type(error).__name__}") from None
        if done.returncode:
            raise Failed(f"PostgreSQL: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode()

    @property
    def data(self) -> str:
        """The folder that it keeps everything in."""
        with open(os.path.join(self.folder, "postgresql.conf")) as file:
            found = re.search(r"^\s*data_directory\s*=?\s*'([^']+)'", file.read(), re.MULTILINE)
        return found.group(1) if found else ""

    @property
    def port(self) -> str:
        """Of the running server. Raises Failed when none runs."""
        return self._listens()[0]

    @property
    def socket(self) -> str:
        """The folder of the running server's socket. Raises Failed when none runs."""
        return self._listens()[1]

    def _listens(self) -> tuple[str, str]:
        try:
            with open(os.path.join(self.data, "postmaster.pid")) as file:
                lines = file.read().splitlines()
            return lines[3], lines[4]
        except (OSError, IndexError):
            raise Failed(f"PostgreSQL {self.major}/{self.name} is not running") from None


def observe(queries: list[Json]) -> list[Json]:
    found = _found() if queries else None
    return [found for _ in queries]


def _found() -> Json:
    there = clusters()
    found: dict[str, Json] = {**_machine(), "clusters": [f"{one.major}/{one.name}" for one in there]}
    if len(there) != 1:
        return {**found, "server": None}
    cluster = there[0]
    try:
        server = json.loads(cluster.ask(STATE))
    except (Failed, ValueError):
        server = None
    return {
        **found,
        "server": server,
        "files": files.observe([[os.path.join(cluster.folder, path) for path in PATHS]])[0],
        "guarded": units.stamped(cluster.unit) == units.digest([GUARD], []),
    }


def clusters() -> list[Cluster]:
    """Those whose settings are on the box, the oldest version first; without one that is kept and not to be started."""
    found = _described()
    return [cluster for cluster in found if _starts(cluster)] or found


def _starts(cluster: Cluster) -> bool:
    try:
        with open(os.path.join(cluster.folder, "start.conf")) as file:
            return "auto" in file.read().split("\n")
    except FileNotFoundError:
        return True


def _described() -> list[Cluster]:
    found = []
    majors = [name for name in os.listdir(CLUSTERS) if name.isdigit()] if os.path.isdir(CLUSTERS) else []
    for major in sorted(majors, key=int):
        for name in sorted(os.listdir(os.path.join(CLUSTERS, major))):
            if os.path.exists(os.path.join(CLUSTERS, major, name, "postgresql.conf")):
                found.append(Cluster(major, name))
    return found


def sessions(login: str) -> int:
    """How many are connected by a login. Raises Failed where the server does not answer."""
    name = login.replace("'", "''")
    return int(only(clusters()).ask(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{name}'"))


def _machine() -> dict[str, int]:
    """What its settings follow from; memory and disk in MB."""
    disk = shutil.disk_usage("/var/lib").total
    return {"ram_mb": machine.memory_mb(), "cpus": os.cpu_count() or 1, "disk_mb": disk >> 20}


def apply(payload: Json) -> None:
    """Settle the cluster, or run statements in it."""
    if "sql" in payload:
        cluster = only(clusters())
        _start(cluster)
        cluster.ask(payload["sql"], timeout=300)
        return
    cluster = _installed()
    _include(cluster)
    entries = [{**entry, "path": os.path.join(cluster.folder, entry["path"])} for entry in payload["paths"]]
    files.apply({"paths": entries, "prove": []})
    _settle(cluster, payload["digest"], payload["reset"])


def _installed() -> Cluster:
    """The cluster there is, whatever its major; a new one only where there is none."""
    if not clusters():
        packages.apply({"install": ["postgresql"], "remove": []})
    cluster = only(clusters())
    if not os.path.exists(cluster.program("postgres")):
        packages.apply({"install": [f"postgresql-{cluster.major}"], "remove": []})
    return cluster


def only(there: list[Cluster]) -> Cluster:
    """The one of them. Raises Failed where there are none or more."""
    if len(there) != 1:
        raise Failed(f"PostgreSQL: this box has {len(there)} clusters, not one; see `pg_lsclusters`")
    return there[0]


def _include(cluster: Cluster) -> None:
    """See that conf.d is read: clusters made by hand or by another createcluster.conf do not read it."""
    path = os.path.join(cluster.folder, "postgresql.conf")
    with open(path, "r+") as file:
        text = file.read()
        if not re.search(r"^\s*include_dir\s*=?\s*'conf\.d'", text, re.MULTILINE):
            file.write(("" if text.endswith("\n") else "\n") + "include_dir = 'conf.d'\n")


def _settle(cluster: Cluster, digest: str, reset: list[str]) -> None:
    """Have the server run with these settings: by a reload where that is enough, else by a restart."""
    guard = units.digest([GUARD], [])
    guarded = units.stamped(cluster.unit) == guard
    if not guarded:
        run(["systemctl", "daemon-reload"])
    started = _start(cluster)
    if reset:
        cluster.ask("".join(f'ALTER SYSTEM RESET "{name}";\n' for name in reset))
    if not started:
        run(["systemctl", "reload", cluster.unit], timeout=60)
    if not _loaded(cluster, digest) or json.loads(cluster.ask(STATE))["pending"] or not (guarded or started):
        _restart(cluster)
    if not _loaded(cluster, digest):
        raise Failed(f"PostgreSQL does not take its settings:\n{_objections(cluster)}")
    units.stamp(cluster.unit, guard)


def _start(cluster: Cluster) -> bool:
    """Start the server when it does not answer, and wait until it does. Returns whether it had to be started."""
    started = not _answers(cluster)
    if started:
        run(["systemctl", "reset-failed", cluster.unit], ok=(0, 1))
        units.do("start", cluster.unit)
        _wait(cluster)
    return started


def _restart(cluster: Cluster) -> None:
    """A server on a full disk runs on, but once stopped it can't start again: so it is not stopped there."""
    disk = shutil.disk_usage(os.path.realpath("/var/lib/postgresql"))
    least = min(disk.total // 10, 1 << 30)
    if disk.free < least:
        need = f"has {disk.free >> 20} MB free and needs {least >> 20} MB"
        raise Failed(f"PostgreSQL needs a restart, but its disk {need} to come up again: free some, run again")
    units.do("restart", cluster.unit)
    _wait(cluster)


def _answers(cluster: Cluster) -> bool:
    try:
        return cluster.ask("SELECT 1;\n").strip() == "1"
    except Failed:
        return False


def _wait(cluster: Cluster) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _answers(cluster):
        if time.monotonic() > deadline:
            raise Failed(f"PostgreSQL does not answer after {PATIENCE:.0f} s: see {cluster.log}")
        time.sleep(0.2)


def _loaded(cluster: Cluster, digest: str) -> bool:
    """A reload is a signal, and takes effect a moment later."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if json.loads(cluster.ask(STATE))["digest"] == digest:
            return True
        time.sleep(0.05)
    return False


def _objections(cluster: Cluster) -> str:
    return cluster.ask(
        "SELECT sourcefile || ' line ' || sourceline || ': ' || error FROM pg_file_settings WHERE error IS NOT NULL;\n"
        "SELECT 'pg_hba.conf line ' || line_number || ': ' || error FROM pg_hba_file_rules WHERE error IS NOT NULL;\n"
    )
