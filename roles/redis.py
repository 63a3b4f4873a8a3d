"""Redis: one instance per app, with its own account, password, memory cap and way of forgetting."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from pydantic import Field, SecretStr, field_validator

from roles import Settings, instances, render
from roles.apps.app import App
from roles.budget import Cost, Size, megabytes
from roles.resources import Directory, Entry, File, Files, Json, Link, Packages, Resource, Unit, Units, User, Users
from roles.secrets import Secret

if TYPE_CHECKING:
    from roles.server import Server

FIRST_PORT, PORTS = 6400, 1000
UNITS = "/etc/systemd/system"
TEMPLATE = f"{UNITS}/boxkeeper-redis@.service"
FOLDER = "/var/lib/boxkeeper-redis"
SIZES = {"kb": 1, "mb": 1 << 10, "gb": 1 << 20}
TELLER = "boxkeeper.acl"
"""An account in each instance that may change its accounts and nothing else. No app can be called so."""
KEY = "redis-accounts"
"""Its password in the store. Not one that follows from the app's: that would let the app give itself more rights."""
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
        if objection := instances.unfit(ports):
            raise ValueError(objection)
        return ports

    def port(self, app: App) -> int:
        """An app's port."""
        return instances.port(app.name, FIRST_PORT, PORTS, self.ports)

    def costs(self, apps: Sequence[App], size: Size) -> Iterator[Cost]:
        """Its cap counts in full: a cache fills up, and what forgets nothing must have it. Empty it takes 7 MB."""
        for app in apps:
            if "redis" in app.needs:
                most = megabytes(app.redis_memory)
                # the file of a queue, and its successor while it is rewritten
                disk = 3 * most if app.redis_use == "queue" else 0
                less = f"a smaller `redis_memory` for {app.name}"
                place = f"{FOLDER}/{app.name}"
                yield Cost(f"Redis of {app.name}", most + 8, disk, there=place, less_ram=less, less_disk=less)

    def clashes(self, apps: Sequence[App]) -> Iterator[str]:
        """Instances on one port, ports for nobody, caps that are too small."""
        needing = [app for app in apps if "redis" in app.needs]
        yield from instances.clashes("Redis", {app.name: self.port(app) for app in needing}, self.ports)
        for app in needing:
            if _kilobytes(app) < LEAST_KB:
                yield f'{app.name}: redis_memory {app.redis_memory} holds nothing; write e.g. `redis_memory="64mb"`'


def _kilobytes(app: App) -> int:
    return int(app.redis_memory[:-2]) * SIZES[app.redis_memory[-2:]]


@dataclass(frozen=True)
class Instance:
    """The Redis of one app. Of its passwords only hashes go to the box, besides the app's own environment.

    With one of `keys` root tells the running instance of other passwords: a restart would cut everybody off.
    """

    app: App
    port: int
    passwords: Sequence[SecretStr]
    keys: Sequence[SecretStr]

    @property
    def user(self) -> str:
        """Its system account."""
        return instances.account("redis-", self.app.name)

    @property
    def folder(self) -> str:
        return f"{FOLDER}/{self.app.name}"

    @property
    def etc(self) -> str:
        """Where its files are, without their endings."""
        return f"/etc/boxkeeper/redis/{self.app.name}"

    @property
    def drop_in(self) -> str:
        return f"{UNITS}/{service(self.app)}.d"

    @property
    def unit(self) -> Unit:
        """Restarted when one of its files is not the one it runs with."""
        watch = (TEMPLATE, f"{self.drop_in}/boxkeeper.conf", f"{self.etc}.acl", f"{self.etc}.conf")
        return Unit(service(self.app), watch=watch)

    def paths(self, version: Sequence[int]) -> list[Entry]:
        """Its files, in the words of that version of Redis."""
        own = f"user {self.app.name} on {_hashes(self.passwords)} {rights(self.app.redis_use, version)}"
        teller = f"user {TELLER} on {_hashes(self.keys)} -@all +acl|setuser"
        acl = f"user default off {replay(version)}\n{own}\n{teller}\n"
        conf = render("redis/redis.conf.j2", app=self.app, port=self.port, folder=self.folder)
        # rewriting its file takes a copy of what is written meanwhile; more than that is a fault
        most = _kilobytes(self.app) * 2 + (64 << 10)
        unit = render("redis/boxkeeper.conf.j2", user=self.user, folder=self.folder, memory=most)
        mode, etc = "0640", self.etc
        keys = "".join(f"{key.get_secret_value()}\n" for key in self.keys)
        return [
            Directory(self.folder, mode="0700", owner=self.user, group=self.user),
            Directory(self.drop_in),
            File(f"{self.drop_in}/boxkeeper.conf", unit),
            File(f"{etc}.acl", acl.encode(), mode, group=self.user),
            File(f"{etc}.conf", conf, mode, group=self.user),
            File(f"{etc}.keys", keys.encode(), "0600"),
        ]


def _hashes(words: Sequence[SecretStr]) -> str:
    return " ".join(f"#{hashlib.sha256(word.get_secret_value().encode()).hexdigest()}" for word in words)


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

    def differences(self, found: Json) -> Sequence[str]:
        return self._files(found["version"]).differences(found["files"])

    def payload(self, found: Json) -> Json:
        told = [
            {"unit": one.unit.name, "watch": list(one.unit.watch), "port": one.port, "etc": one.etc, "user": TELLER}
            for one in self.instances
        ]
        return {**self._files(found["version"]).payload(found["files"]), "told": told}

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
    own = [_instance(server, app) for app in server.apps if "redis" in app.needs]
    yield Users([User(one.user, home=one.folder) for one in own])
    yield Instances(own)
    stopped = Unit("redis-server.service", state="inactive", enabled=False)
    yield Units([stopped, *(one.unit for one in own)])


def _instance(server: Server, app: App) -> Instance:
    assert server.redis is not None
    keys = server.accepted(f"{app.name}/{KEY}")
    return Instance(app, server.redis.port(app), server.accepted(f"{app.name}/redis"), keys)


def variables(server: Server, app: App) -> dict[str, str]:
    """Where an app finds its Redis: `redis://user:password@127.0.0.1:port/0`."""
    assert server.redis is not None
    password = quote(server.secret(f"{app.name}/redis").get_secret_value(), safe="")
    return {"REDIS_URL": f"redis://{app.name}:{password}@127.0.0.1:{server.redis.port(app)}/0"}


def service(app: App) -> str:
    return f"boxkeeper-redis@{app.name}.service"


def secrets(app: App) -> Iterator[Secret]:
    for name in ("redis", KEY):
        yield Secret(f"{app.name}/{name}", needed_by=app.title, generated=True)
