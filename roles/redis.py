"""Redis: one instance per app, with its own account, password, memory cap and way of forgetting."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from pydantic import Field, SecretStr, field_validator

from roles import Settings, render
from roles.apps.app import App
from roles.resources import Directory, Entry, File, Files, Json, Link, Packages, Resource, Unit, Units, User, Users
from roles.secrets import Secret

if TYPE_CHECKING:
    from roles.server import Server

FIRST_PORT, PORTS = 6400, 1000
TAKEN = {5432: "Postgres"}
UNITS = "/etc/systemd/system"
TEMPLATE = f"{UNITS}/boxkeeper-redis@.service"
FOLDER = "/var/lib/boxkeeper-redis"
SIZES = {"kb": 1, "mb": 1 << 10, "gb": 1 << 20}
LEAST_KB = 4 << 10
"""An empty instance takes 1 to 2 MB; a cap below that refuses the first key."""


class Redis(Settings):
    """Redis, one instance for each app that needs it, reachable from this box only."""

    ports: dict[str, int] = Field(
        default_factory=dict, description='Port by app, where two apps would have the same, e.g. {"note-taker": 6500}'
    )

    @field_validator("ports")
    @classmethod
    def _ports(cls, ports: dict[str, int]) -> dict[str, int]:
        for app, port in ports.items():
            if not 1024 <= port <= 65535 or port in TAKEN:
                whose = f" ({TAKEN[port]} has it)" if port in TAKEN else ""
                raise ValueError(f"{app}: {port} can't be the port{whose}; take one of 1024 to 65535")
        return ports

    def port(self, app: App) -> int:
        """An app's port: by its name, so that another app coming or going never moves it."""
        number = int.from_bytes(hashlib.sha256(app.name.encode()).digest()[:4], "big")
        return self.ports.get(app.name, FIRST_PORT + number % PORTS)

    def clashes(self, apps: Sequence[App]) -> Iterator[str]:
        """Instances on one port, ports for nobody, caps that are too small."""
        needing = {app.name: app for app in apps if "redis" in app.needs}
        owners: dict[int, str] = {}
        for app in needing.values():
            first = owners.setdefault(self.port(app), app.name)
            if first != app.name:
                other = max(map(self.port, needing.values())) + 1
                line = f'`redis=Redis(ports={{"{app.name}": {other}}})`'
                yield f"the Redis of {first} and that of {app.name} would share port {self.port(app)}: write {line}"
            if _kilobytes(app) < LEAST_KB:
                yield f'{app.name}: redis_memory {app.redis_memory} holds nothing; write e.g. `redis_memory="64mb"`'
        for name in self.ports:
            if name not in needing:
                known = ", ".join(needing) or "none"
                yield f"Redis.ports: no app {name} here needs redis (those that do: {known}); leave it out"


def _kilobytes(app: App) -> int:
    return int(app.redis_memory[:-2]) * SIZES[app.redis_memory[-2:]]


@dataclass(frozen=True)
class Instance:
    """The Redis of one app. Of its password only the hash goes to the box, besides the app's own environment."""

    app: App
    port: int
    password: SecretStr

    @property
    def user(self) -> str:
        """Its system account. 32 characters are the most; app names have up to 31."""
        name = self.app.name
        short = hashlib.sha256(name.encode()).hexdigest()[:6]
        return f"redis-{name}" if len(name) <= 26 else f"redis-{name[:19]}-{short}"

    @property
    def folder(self) -> str:
        return f"{FOLDER}/{self.app.name}"

    @property
    def drop_in(self) -> str:
        return f"{UNITS}/boxkeeper-redis@{self.app.name}.service.d"

    @property
    def unit(self) -> Unit:
        """Restarted when one of its files is not the one it runs with."""
        etc = f"/etc/boxkeeper/redis/{self.app.name}"
        watch = (TEMPLATE, f"{self.drop_in}/boxkeeper.conf", f"{etc}.acl", f"{etc}.conf")
        return Unit(f"boxkeeper-redis@{self.app.name}.service", watch=watch)

    def paths(self, version: Sequence[int]) -> list[Entry]:
        """Its files, in the words of that version of Redis."""
        hashed = hashlib.sha256(self.password.get_secret_value().encode()).hexdigest()
        own = f"user {self.app.name} on #{hashed} {rights(self.app.redis_use, version)}"
        acl = f"user default off {replay(version)}\n{own}\n"
        conf = render("redis/redis.conf.j2", app=self.app, port=self.port, folder=self.folder)
        # rewriting its file takes a copy of what is written meanwhile; more than that is a fault
        most = _kilobytes(self.app) * 2 + (64 << 10)
        unit = render("redis/boxkeeper.conf.j2", user=self.user, folder=self.folder, memory=most)
        mode, etc = "0640", f"/etc/boxkeeper/redis/{self.app.name}"
        return [
            Directory(self.folder, mode="0700", owner=self.user, group=self.user),
            Directory(self.drop_in),
            File(f"{self.drop_in}/boxkeeper.conf", unit),
            File(f"{etc}.acl", acl.encode(), mode, group=self.user),
            File(f"{etc}.conf", conf, mode, group=self.user),
        ]


def rights(use: str, version: Sequence[int]) -> str:
    """What an app may do in its Redis: everything but run it, as ACL rules.

    `@dangerous` is CONFIG, DEBUG, SHUTDOWN, MONITOR and such, and KEYS, which stops everybody while it reads everything
    (SCAN is there). Given back: INFO, with which clients wait until it is ready (ioredis, BullMQ); to a cache FLUSHDB,
    with which frameworks empty it.
    """
    words = ["~*", "+@all", "-@admin", "-@dangerous", "+info"]
    if tuple(version) >= (6, 2):
        words.insert(1, "&*")  # channels; not known before
    if tuple(version) < (7, 0):  # all of CLIENT was one dangerous command
        words += ["+client|setname", "+client|getname", "+client|id"]
    if use == "cache":
        words.append("+flushdb")
    return " ".join(words)


def replay(version: Sequence[int]) -> str:
    """The rights of `default`, who is off: nobody can be it, but a restart reads the file of a queue in its name.

    Without them Redis skips every transaction in that file, and with it what scripts wrote: Celery's and BullMQ's jobs.
    """
    return "~* &* +@all" if tuple(version) >= (6, 2) else "~* +@all"


@dataclass(frozen=True)
class Instances:
    """The files of all instances. They follow the version that is on the box: each says ACLs a little differently."""

    instances: Sequence[Instance]
    name: str = "instances"
    kind: ClassVar[str] = "redis"

    def query(self) -> Json:
        return self._files(None).query()

    def refuse(self, found: Json) -> Sequence[str]:
        """Half of the memory is for the rest: what evicts nothing would end in the apps being killed."""
        asked = sum(_kilobytes(one.app) for one in self.instances) >> 10
        if asked <= found["ram_mb"] // 2:
            return []
        sizes = ", ".join(f"{one.app.name} {one.app.redis_memory}" for one in self.instances)
        return [
            f"this box has {found['ram_mb']} MB of memory, its Redis may take {asked} ({sizes}): lower redis_memory"
        ]

    def differences(self, found: Json) -> Sequence[str]:
        return self._files(found["version"]).differences(found["files"])

    def payload(self, found: Json) -> Json:
        return self._files(found["version"]).payload(found["files"])

    def _files(self, version: Sequence[int] | None) -> Files:
        shared = [Directory("/etc/boxkeeper/redis"), Directory(FOLDER, mode="0711")]
        return Files([*shared, *(path for one in self.instances for path in one.paths(version or (8, 0)))])


def wanted(server: Server) -> Iterator[Resource]:
    if server.redis is None:
        return
    # Before the package: its own instance would be a second Redis, without a password.
    yield Files([Link(f"{UNITS}/redis-server.service", "/dev/null")], name="distribution's own")
    yield Packages(["redis-server"])
    yield Files([File(TEMPLATE, render("redis/boxkeeper-redis@.service.j2"))])
    instances = [_instance(server, app) for app in server.apps if "redis" in app.needs]
    yield Users([User(one.user, home=one.folder) for one in instances])
    yield Instances(instances)
    stopped = Unit("redis-server.service", state="inactive", enabled=False)
    yield Units([stopped, *(one.unit for one in instances)])


def _instance(server: Server, app: App) -> Instance:
    assert server.redis is not None
    return Instance(app, server.redis.port(app), server.secret(f"{app.name}/redis"))


def variables(server: Server, app: App) -> dict[str, str]:
    """Where an app finds its Redis: `redis://user:password@127.0.0.1:port/0`."""
    instance = _instance(server, app)
    password = quote(instance.password.get_secret_value(), safe="")
    return {"REDIS_URL": f"redis://{app.name}:{password}@127.0.0.1:{instance.port}/0"}


def secrets(app: App) -> Iterator[Secret]:
    yield Secret(f"{app.name}/redis", needed_by=app.title, generated=True)
