"""Server: all settings of one box, and the checks between them. `group` hands it to pyinfra."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from pydantic import Field, PrivateAttr, SecretStr

from roles import Fault, Settings
from roles.apps import App
from roles.base import Base
from roles.firewall import Firewall
from roles.nginx import Nginx
from roles.postgres import Postgres
from roles.redis import Redis
from roles.secrets import Secret, Store
from roles.ssh import Ssh
from roles.tls import Tls


class Login(Settings):
    """How the control machine reaches the box."""

    user: str = Field(default="root", description="Who the provider lets in on a new box")
    port: int = Field(default=22, ge=1, le=65535, description="Port that the control machine connects to")
    key: str | None = Field(default=None, description="Private key file; without it, your SSH agent and ~/.ssh")
    known_hosts: str | None = Field(default=None, description="File with the box's host keys; else ~/.ssh/known_hosts")


class Server(Settings):
    """One box: what runs on it, and how."""

    host: str = Field(description="Address of the box: an IP address or a name")
    name: str = Field(default="", description="The box's own name; by default `host`")
    login: Login = Field(default_factory=Login, description="How the control machine reaches the box")
    base: Base = Field(default_factory=Base, description="The box itself: name, time, memory, updates")
    ssh: Ssh | None = Field(default=None, description="Who may log in, and how")
    firewall: Firewall | None = Field(default=None, description="What may reach the box")
    postgres: Postgres | None = Field(default=None, description="PostgreSQL")
    redis: Redis | None = Field(default=None, description="Redis, one instance per app")
    nginx: Nginx | None = Field(default=None, description="nginx, one site per app")
    tls: Tls | None = Field(default=None, description="Certificates")
    apps: tuple[App, ...] = Field(default=(), description="The apps on this box")

    _secrets: dict[str, SecretStr] = PrivateAttr(default_factory=dict)

    def secret(self, name: str) -> SecretStr:
        """The value of a secret by its name in the store, e.g. `note-taker/postgres`."""
        try:
            return self._secrets[name]
        except KeyError:
            raise Fault(f"secret {name} is not in the store; `boxkeeper secrets list` shows what is") from None

    def wanted_secrets(self) -> Iterator[Secret]:
        """Every secret that something on this box reads."""
        for app in self.apps:
            yield from (Secret(f"{app.name}/{name}", needed_by=app.title) for name in app.secrets)
            if "postgres" in app.needs:
                yield Secret(f"{app.name}/postgres", needed_by=app.title, generated=True)
            if "redis" in app.needs:
                yield Secret(f"{app.name}/redis", needed_by=app.title, generated=True)


def clashes(server: Server) -> Iterator[str]:
    """What each setting allows and all of them together do not."""
    where = f"Server {server.name or server.host}"
    apps = [app for app in server.apps if not app.faults]
    for name, times in Counter(app.name for app in apps).items():
        if times > 1:
            yield f'{where}: {times} apps are called {name}; give one another name: `name="{name}-2"`'
    for domain, times in Counter(name for app in apps for name in (app.domain, *app.aliases)).items():
        if times > 1:
            yield f"{where}: {times} apps use the domain {domain}; each needs its own"
    for app in apps:
        for need in sorted(app.needs):
            if getattr(server, need) is None:
                yield f"{app.name} needs {need}: add `{need}={need.capitalize()}()` to this server"
        if server.nginx is None and app.routes:
            yield f"{app.name} has routes: add `nginx=Nginx()` to this server"
    if apps and server.nginx is not None and server.tls is None:
        yield f"{where}: apps are served by HTTPS: add `tls=Tls(...)` to this server"
    if server.redis is not None:
        yield from server.redis.clashes(apps)
    yield from _missing_files(server, apps)


def _missing_files(server: Server, apps: list[App]) -> Iterator[str]:
    for app in apps:
        path = getattr(app.source, "path", None)
        if path is not None and not Path(path).expanduser().is_dir():
            yield f"{app.name}: source folder {path} is not there"
    if server.login.key is not None and not server.login.faults:
        try:
            Path(server.login.key).expanduser().read_bytes()
        except OSError as error:
            yield f"Login.key: {server.login.key} can't be read: {error.strerror}"


def group(*servers: Server) -> tuple[list[tuple[str, dict[str, Any]]], dict[str, Any]]:
    """The boxes of an inventory, as the group of hosts that pyinfra expects.

    Checks everything that can be checked without a connection. With faults it prints all of them and ends with exit
    code 2; generated secrets that do not exist yet are made and stored.
    """
    faults = [fault for server in servers for fault in (*server.faults, *_clashes(server))]
    store = Store.beside(_inventory_file())
    if not faults:
        faults += store.complete([secret for server in servers for secret in server.wanted_secrets()])
    if faults:
        for fault in dict.fromkeys(faults):
            click.echo(f"--> {fault}", err=True)
        click.echo(f"{len(set(faults))} to mend in {_inventory_file().name}; nothing was connected.", err=True)
        sys.exit(2)
    for server in servers:
        server._secrets.update(store.values())
    return [(f"@box/{server.host}", _host_data(server)) for server in servers], {}


def _clashes(server: Server) -> Iterator[str]:
    return iter(()) if server._faults else clashes(server)


def _inventory_file() -> Path:
    """The inventory that is being read: the file of the frame that called `group`."""
    frame = sys._getframe()
    while frame.f_code.co_filename == __file__:
        assert frame.f_back is not None
        frame = frame.f_back
    return Path(frame.f_globals.get("__file__", frame.f_code.co_filename))


def _host_data(server: Server) -> dict[str, Any]:
    admin = [server.ssh.admin] if server.ssh else []
    data: dict[str, Any] = {
        "server": server,
        "box_logins": list(dict.fromkeys([*admin, server.login.user])),
        "ssh_port": server.login.port,
    }
    if server.login.key is not None:
        data["ssh_key"] = str(Path(server.login.key).expanduser())
    if server.login.known_hosts is not None:
        data["ssh_known_hosts_file"] = server.login.known_hosts
        data["ssh_strict_host_key_checking"] = "yes"
    return data
