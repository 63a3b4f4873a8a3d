"""Redis: one instance per app, with its own user, password, memory cap and way of forgetting."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import Field, SecretStr, field_validator

from roles import Settings, render
from roles.apps.app import App
from roles.resources import Directory, File, Files, Link, Packages, Resource, Unit, Units, User, Users

if TYPE_CHECKING:
    from roles.server import Server

FIRST_PORT, PORTS = 6400, 1000
TEMPLATE = "/etc/systemd/system/boxkeeper-redis@.service"


class Redis(Settings):
    """Redis, one instance per app, reachable from this box only."""

    ports: dict[str, int] = Field(
        default_factory=dict, description="Port by app, where two apps' own ones clash, e.g. {'note-taker': 6500}"
    )

    @field_validator("ports")
    @classmethod
    def _ports(cls, ports: dict[str, int]) -> dict[str, int]:
        for app, port in ports.items():
            if not 1024 <= port <= 65535:
                raise ValueError(f"{app}: {port} can't be a port here; use 1024 to 65535")
        return ports

    def port(self, app: App) -> int:
        """An app's port: by its name, so that adding or removing another app never moves it."""
        number = int.from_bytes(hashlib.sha256(app.name.encode()).digest()[:4], "big")
        return self.ports.get(app.name, FIRST_PORT + number % PORTS)

    def clashes(self, apps: Sequence[App]) -> Iterator[str]:
        """Apps whose instances would listen on the same port."""
        needing = [app for app in apps if "redis" in app.needs]
        for port, times in Counter(self.port(app) for app in needing).items():
            names = [app.name for app in needing if self.port(app) == port]
            if times > 1:
                free = max(self.port(app) for app in needing) + 1
                yield f"the Redis of {' and '.join(names)} would share port {port}: add `ports={{'{names[0]}': {free}}}`"


def url(server: Server, app: App) -> SecretStr:
    """Where the app finds its Redis, with its password."""
    assert server.redis is not None
    password = quote(server.secret(f"{app.name}/redis").get_secret_value(), safe="")
    return SecretStr(f"redis://{app.name}:{password}@127.0.0.1:{server.redis.port(app)}/0")


def wanted(server: Server) -> Iterator[Resource]:
    redis = server.redis
    if redis is None:
        return
    apps = [app for app in server.apps if "redis" in app.needs]
    # Before the package: the distribution's own instance would be a second Redis, without a password.
    yield Files([Link("/etc/systemd/system/redis-server.service", "/dev/null")], name="distribution's own")
    yield Packages(["redis-server"])
    if not apps:
        return
    yield Users([User(user(app), home=folder(app)) for app in apps])
    yield Files([File(TEMPLATE, render("redis/boxkeeper-redis@.service.j2")), Directory("/etc/boxkeeper/redis")])
    for app in apps:
        files = _files(server, redis, app)
        yield Files(files, name=f"{app.name} files")
        watch = (TEMPLATE, *(file.path for file in files if isinstance(file, File)))
        yield Units([Unit(f"boxkeeper-redis@{app.name}.service", watch=watch)], name=f"{app.name} unit")


def user(app: App) -> str:
    """The system user of an app's instance. 32 characters are the most; app names have up to 31."""
    short = hashlib.sha256(app.name.encode()).hexdigest()[:6]
    return f"redis-{app.name}" if len(app.name) <= 26 else f"redis-{app.name[:19]}-{short}"


def folder(app: App) -> str:
    return f"/var/lib/boxkeeper-redis/{app.name}"


def _files(server: Server, redis: Redis, app: App) -> list[Directory | File]:
    password = server.secret(f"{app.name}/redis").get_secret_value()
    owner = user(app)
    acl = render("redis/users.acl.j2", user=app.name, sha256=hashlib.sha256(password.encode()).hexdigest())
    settings = render("redis/redis.conf.j2", app=app, port=redis.port(app), folder=folder(app))
    unit = f"[Service]\nUser={owner}\nGroup={owner}\nReadWritePaths={folder(app)}\n".encode()
    drop_in = f"/etc/systemd/system/boxkeeper-redis@{app.name}.service.d"
    return [
        Directory("/var/lib/boxkeeper-redis", mode="0711"),
        Directory(folder(app), mode="0700", owner=owner, group=owner),
        Directory(drop_in),
        File(f"{drop_in}/user.conf", unit),
        File(f"/etc/boxkeeper/redis/{app.name}.acl", acl, mode="0640", group=owner),
        File(f"/etc/boxkeeper/redis/{app.name}.conf", settings, mode="0640", group=owner),
    ]
