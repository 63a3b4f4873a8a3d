"""PostgreSQL: the distribution's version, sized for the box, on loopback, a database and a login for each app."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from pydantic import Field, SecretStr

from roles import Settings, instead, render, tuning
from roles.apps.app import App
from roles.budget import Cost, Size, megabytes
from roles.databases import Database, Databases, Login, login_name
from roles.extensions import KNOWN, Extensions
from roles.resources import Directory, Entry, File, Files, Json, Resource, Unit, Units, sendable
from roles.secrets import Secret

if TYPE_CHECKING:
    from roles.server import Server

PORT = 5432
POOL = 5
"""Connections that an app works with at a time: what the pools of SQLAlchemy and node-postgres hold, or half of it."""
FIXED: Mapping[str, str] = {
    "port": str(PORT),
    "listen_addresses": "localhost",
    "password_encryption": "scram-sha-256",
    # nothing leaves this machine
    "ssl": "off",
    "idle_in_transaction_session_timeout": "5min",
    "log_connections": "on",
    "log_lock_waits": "on",
    # a slow statement is shown as it was written; values that came apart from it are not
    "log_parameter_max_length": "0",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
ARCHIVED: Mapping[str, str] = {
    "archive_mode": "on",
    # the server runs it in the folder of its data
    "archive_command": 'pgbackrest --stanza=main --pg1-path="$PWD" archive-push %p',
    # seconds after which a change is away, however little there is
    "archive_timeout": "60",
}
"""With backups: each change goes to every repository."""


class Postgres(Settings):
    """PostgreSQL, one database for each app that needs it."""

    share: int = Field(default=50, ge=10, le=90, description="Memory that it may plan with, in percent of the box's")
    slow_ms: int = Field(default=1000, ge=-1, description="Log statements slower than this, in ms; -1 for none")

    def costs(self, apps: Sequence[App], size: Size) -> Iterator[Cost]:
        """Measured: its own processes take 40 MB besides the shared buffers, a connection that works 8.

        Of its log what stays for good: its peak, a twentieth of the disk, is within the tenth that should be free.
        """
        users = sum("postgres" in app.needs for app in apps)
        buffers = megabytes(tuning.memory(size.ram_mb, self.share)["shared_buffers"])
        log = megabytes(tuning.disk(size.ram_mb, size.disk_mb)["min_wal_size"])
        ram, less = buffers + 40 + users * POOL * 8, "a smaller `share` for Postgres"
        yield Cost("Postgres", ram_mb=ram, disk_mb=400 + log, there="/etc/postgresql", less_ram=less)

    def clashes(self, apps: Sequence[App]) -> Iterator[str]:
        """Apps whose database is called like the login of another; extensions that nobody knows or needs."""
        for app in apps:
            yield from _extension_faults(app)
        names = {app.database: app.name for app in apps if "postgres" in app.needs}
        for database, name in names.items():
            for slot in ("a", "b"):
                other = names.get(f"{database}_{slot}")
                if other:
                    taken = f"{name} logs in to its database as {database}_{slot}, the database of {other}"
                    yield f'{taken}: call it e.g. `name="{other}-app"`'


def _extension_faults(app: App) -> Iterator[str]:
    if app.extensions and "postgres" not in app.needs:
        yield f'{app.name}: has extensions of PostgreSQL and does not need it: add "postgres" to its `needs`'
    for name in app.extensions:
        if name not in KNOWN:
            yield f"{app.name}: unknown extension of PostgreSQL {name!r}; {instead(name, KNOWN)}"


@dataclass(frozen=True)
class Cluster:
    """PostgreSQL itself: installed, with our settings, running with them. It keeps the major version it has."""

    settings: Postgres
    databases: Sequence[str]
    archives: bool = False
    name: str = "cluster"
    kind: ClassVar[str] = "postgres"

    def query(self) -> Json:
        return None

    def refuse(self, found: Json) -> Sequence[str]:
        if len(found["clusters"]) < 2:
            return []
        there = ", ".join(found["clusters"])
        upgrade = "`boxkeeper postgres upgrade ENV` brings the older one's data to the newer version"
        return [
            f"this box has {len(found['clusters'])} PostgreSQL clusters ({there}): {upgrade}, or `pg_dropcluster` one"
        ]

    def differences(self, found: Json) -> Sequence[str]:
        if not found["clusters"]:
            return ["is not installed"]
        faults = list(self._files(found).differences(found["files"]))
        server = found["server"]
        if server is None:
            return [*faults, "does not answer"]
        if server["digest"] != self._digest(found):
            faults.append("runs with other settings")
        faults += [f"{name} needs a restart" for name in server["pending"]]
        faults += [f"{name} is overridden by ALTER SYSTEM" for name in self._overridden(found)]
        return faults if found["guarded"] else [*faults, "runs with an older unit"]

    def payload(self, found: Json) -> Json:
        paths = [sendable(path) for path in self._paths(found)]
        return {"paths": paths, "digest": self._digest(found), "reset": self._overridden(found)}

    def _overridden(self, found: Json) -> list[str]:
        ours = self._values(found)
        return [name for name in (found["server"] or {"overridden": []})["overridden"] if name in ours]

    def _files(self, found: Json) -> Files:
        return Files(self._paths(found))

    def _paths(self, found: Json) -> list[Entry]:
        """In the folder of the cluster; the same as PATHS of `onbox/postgres.py`."""
        machine = f"{tuning.nominal(found['ram_mb'])} MB of memory and {found['cpus']} processors"
        values = {**self._values(found), "boxkeeper.digest": self._digest(found)}
        conf = render("postgres/99-boxkeeper.conf.j2", machine=machine, settings=values)
        return [
            Directory("conf.d", owner="postgres", group="postgres"),
            File("conf.d/99-boxkeeper.conf", conf, mode="0640", owner="postgres", group="postgres"),
            File("pg_hba.conf", self._hba(), mode="0640", owner="postgres", group="postgres"),
            File("start.conf", b"auto\n", owner="postgres", group="postgres"),
        ]

    def _hba(self) -> bytes:
        return render("postgres/pg_hba.conf.j2", databases=self.databases)

    def _values(self, found: Json) -> dict[str, str]:
        slow = {"log_min_duration_statement": str(self.settings.slow_ms)}
        archive = ARCHIVED if self.archives else {}
        return {**FIXED, **archive, **slow, **tuning.settings(found, self.settings.share)}

    def _digest(self, found: Json) -> str:
        """A setting of our own, by which the running server says which settings it has loaded."""
        return hashlib.sha256(repr(self._values(found)).encode() + self._hba()).hexdigest()[:16]


def wanted(server: Server) -> Iterator[Resource]:
    if server.postgres is None:
        return
    apps = [app for app in server.apps if "postgres" in app.needs]
    created = "/etc/postgresql-common/createcluster.d"
    guard = "/etc/systemd/system/postgresql@.service.d"
    yield Files(
        [
            Directory("/etc/postgresql-common"),
            Directory(created),
            # read by the package when it makes its cluster; on by default only from PostgreSQL 18
            File(f"{created}/boxkeeper.conf", b"initdb_options = '--data-checksums'\n"),
            Directory(guard),
            File(f"{guard}/boxkeeper.conf", render("postgres/boxkeeper.conf.j2")),
        ]
    )
    yield Cluster(server.postgres, [app.database for app in apps], bool(apps) and server.backups is not None)
    yield Databases([_database(server, app) for app in apps])
    if extensions := {app.database: app.extensions for app in apps if app.extensions}:
        yield Extensions(extensions)
    yield Units([Unit("postgresql.service")])


def variables(server: Server, app: App) -> dict[str, str]:
    """Where an app finds its database: `postgresql://login:password@127.0.0.1:5432/name`."""
    kept = server.kept(f"{app.name}/postgres")
    login, password = login_name(app.database, kept.turn), quote(kept.value, safe="")
    return {"DATABASE_URL": f"postgresql://{login}:{password}@127.0.0.1:{PORT}/{app.database}"}


def service(_: App) -> str:
    return "postgresql.service"


def _database(server: Server, app: App) -> Database:
    kept = server.kept(f"{app.name}/postgres")
    return Database(
        app.database, [Login(login_name(app.database, turn), SecretStr(value)) for turn, value in kept.logins]
    )


def secrets(app: App) -> Iterator[Secret]:
    yield Secret(f"{app.name}/postgres", needed_by=app.title, generated=True)
