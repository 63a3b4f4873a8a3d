"""PostgreSQL: the distribution's version, sized for the box; per app a database that only it can reach."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from pydantic import Field, SecretStr

from roles import Settings, render
from roles.apps.app import App
from roles.resources import Directory, File, Files, Json, Packages, Resource, Unit, Units, sendable

if TYPE_CHECKING:
    from roles.server import Server

ITERATIONS = 4096
"""Of SCRAM. PostgreSQL's own default; our passwords have 238 bits, so more would only slow logins down."""


class Postgres(Settings):
    """PostgreSQL, reachable from this box only."""

    max_connections: int = Field(default=100, ge=20, le=1000, description="Connections that all apps may hold together")


@dataclass(frozen=True)
class Tuning:
    """What follows from a box's memory and processors, in MB; shared_buffers is a quarter, as the manual advises."""

    shared_buffers: int
    effective_cache_size: int
    work_mem: int
    maintenance_work_mem: int
    max_wal_size: int
    workers: int


def tuning(ram_mb: int, cpus: int, max_connections: int) -> Tuning:
    """Sizes for a box that runs its apps beside the database."""
    return Tuning(
        shared_buffers=max(ram_mb // 4, 64),
        effective_cache_size=max(ram_mb // 2, 128),
        # several sorts at once in every connection must still fit beside shared_buffers
        work_mem=max(ram_mb // 4 // max_connections, 1),
        maintenance_work_mem=min(max(ram_mb // 16, 16), 1024),
        max_wal_size=256 if ram_mb < 2048 else 1024,
        workers=max(min(cpus // 2, 4), 1),
    )


def verifier(password: str, role: str) -> str:
    """The SCRAM-SHA-256 verifier that PostgreSQL stores for a password (RFC 5803).

    The salt follows from password and role, so the same password gives the same verifier and a second run can compare;
    for a password that nobody can guess that takes nothing away.
    """
    salt = hmac.digest(password.encode(), f"boxkeeper postgres {role}".encode(), "sha256")[:16]
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${ITERATIONS}:{salt64}${stored64}:{server64}"


def login(app: App) -> str:
    """The role that the app logs in as. Rotation uses a second one, `..._b`, of the same owner."""
    return f"{app.database}_a"


def url(server: Server, app: App) -> SecretStr:
    """Where the app finds its database, with its password."""
    password = quote(server.secret(f"{app.name}/postgres").get_secret_value(), safe="")
    return SecretStr(f"postgresql://{login(app)}:{password}@127.0.0.1:5432/{app.database}")


@dataclass(frozen=True)
class Cluster:
    """The settings of the box's cluster, whatever its version, with a restart only where one is needed."""

    max_connections: int
    name: str = "settings"
    kind: ClassVar[str] = "postgres"

    def query(self) -> Json:
        return None

    def differences(self, found: Json) -> Sequence[str]:
        if found["version"] is None:
            return ["there is no cluster yet"]
        files = Files(self._files(found)).differences(found["files"])
        unread = [] if found["includes"] else ["postgresql.conf does not read conf.d"]
        stale = [] if found["loaded"] == found["current"] else ["the cluster runs with older settings"]
        return [*files, *unread] or stale

    def payload(self, found: Json) -> Json:
        files = self._files(found) if found["version"] is not None else []
        return {"version": found["version"], "files": [sendable(file) for file in files]}

    def _files(self, found: Json) -> list[Directory | File]:
        home = f"/etc/postgresql/{found['version']}/main"
        sizes = tuning(found["ram_mb"], found["cpus"], self.max_connections)
        settings = render("postgres/boxkeeper.conf.j2", tuning=sizes, max_connections=self.max_connections)
        access = render("postgres/pg_hba.conf.j2")
        return [
            Directory(f"{home}/conf.d", owner="postgres", group="postgres"),
            File(f"{home}/conf.d/boxkeeper.conf", settings, owner="postgres", group="postgres"),
            File(f"{home}/pg_hba.conf", access, mode="0640", owner="postgres", group="postgres"),
        ]


@dataclass(frozen=True)
class Databases:
    """Per app an owner role, a login role of it and a database; nobody else may even connect."""

    wanted: Sequence[Json]
    verifiers: dict[str, str]
    name: str = "databases"
    kind: ClassVar[str] = "databases"

    def __repr__(self) -> str:
        return f"Databases({[database['name'] for database in self.wanted]})"

    def query(self) -> Json:
        return [{"name": database["name"], "login": database["login"]} for database in self.wanted]

    def differences(self, found: Json) -> Sequence[str]:
        return [
            f"{database['name']}: {', '.join(reasons)}"
            for database, was in zip(self.wanted, found, strict=True)
            if (reasons := self._reasons(database, was))
        ]

    def payload(self, found: Json) -> Json:
        return [{**database, "verifier": self.verifiers[database["login"]]} for database in self.wanted]

    def _reasons(self, database: Json, found: Json) -> list[str]:
        if found is None:
            return ["is missing"]
        wanted = hashlib.sha256(self.verifiers[database["login"]].encode()).hexdigest()
        faults = [] if found["verifier"] == wanted else ["another password"]
        return [*faults, *(f"{name} is not as wanted" for name, good in sorted(found["good"].items()) if not good)]


def wanted(server: Server) -> Iterator[Resource]:
    if server.postgres is None:
        return
    apps = [app for app in server.apps if "postgres" in app.needs]
    drop_in = "/etc/systemd/system/postgresql@.service.d"
    # Before the package, which makes its cluster as it is installed.
    yield Files(
        [
            Directory("/etc/postgresql-common"),
            File("/etc/postgresql-common/createcluster.conf", render("postgres/createcluster.conf.j2")),
            Directory(drop_in),
            File(f"{drop_in}/boxkeeper.conf", render("postgres/postgresql@.service.d.conf.j2")),
        ]
    )
    yield Packages(["postgresql"])
    yield Cluster(server.postgres.max_connections)
    yield Units([Unit("postgresql.service")])
    if apps:
        databases = [{"name": app.database, "owner": app.database, "login": login(app)} for app in apps]
        secrets = {login(app): server.secret(f"{app.name}/postgres").get_secret_value() for app in apps}
        yield Databases(databases, {role: verifier(password, role) for role, password in secrets.items()})
