"""Server: all settings of one box, and the checks between them. `group` hands it to pyinfra."""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Iterator, Sequence
from os import environ
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import click
from pydantic import Field, PrivateAttr, SecretStr, field_validator

from roles import Fault, Settings, alerts, backups, clashes, needs
from roles.alerts import Alerts
from roles.apps import App, git
from roles.backups import Backups
from roles.base import Base
from roles.chroma import Chroma
from roles.drift import Drift
from roles.firewall import Firewall
from roles.nginx import Nginx
from roles.ollama import Ollama
from roles.patches import Patches
from roles.postgres import Postgres
from roles.redis import Redis
from roles.rotation import Kept
from roles.secrets import Secret, Store
from roles.ssh import Ssh
from roles.tls import Tls
from roles.turn import Turn

HOST_NAME = r"(?=.{1,63}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
"""What hostname(7) allows on Linux: 63 characters, where DNS would allow more."""


ONTO = "BOXKEEPER_ONTO"
"""The variable that says OLD=NEW while a box is rebuilt: its host in the inventory, and the new box."""


class Login(Settings):
    """How the control machine reaches the box."""

    paths: ClassVar[tuple[str, ...]] = ("key", "known_hosts")

    user: str = Field(default="root", description="Who the provider lets in on a new box")
    port: int = Field(default=22, ge=1, le=65535, description="Port that the control machine connects to")
    key: str | None = Field(default=None, description="Private key file; without it, your SSH agent and ~/.ssh")
    known_hosts: str | None = Field(default=None, description="File with the box's host keys; else ~/.ssh/known_hosts")

    @field_validator("user")
    @classmethod
    def _user(cls, user: str) -> str:
        if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", user):
            raise ValueError(f"{user!r} is no user of a box; it looks like `root` or `ubuntu`")
        return user


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
    chroma: Chroma | None = Field(default=None, description="ChromaDB, one instance per app")
    ollama: Ollama | None = Field(default=None, description="Ollama, language models for the apps that need them")
    nginx: Nginx | None = Field(default=None, description="nginx, one site per app")
    tls: Tls | None = Field(default=None, description="Certificates")
    turn: Turn | None = Field(default=None, description="TURN, which relays calls")
    backups: Backups | None = Field(default=None, description="Backups, here and away from the box")
    patches: Patches | None = Field(default=None, description="Updates of the box's packages")
    alerts: Alerts | None = Field(default=None, description="Word of what is past its limits")
    drift: Drift | None = Field(default=None, description="A daily look at what has changed on the box")
    apps: tuple[App, ...] = Field(default=(), description="The apps on this box")

    _kept: dict[str, Kept] = PrivateAttr(default_factory=dict)

    @field_validator("host")
    @classmethod
    def _host(cls, host: str) -> str:
        if not _is_address(host):
            hint = (
                "; user and port belong into `login=Login(user=..., port=...)`" if re.search(r"@|:\d+$", host) else ""
            )
            raise ValueError(f"{host!r} is no address; write an IP address or a name, e.g. `203.0.113.10`{hint}")
        return host

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        if name and not re.fullmatch(HOST_NAME, name):
            raise ValueError(f"{name!r} is no name of a box; use letters, digits, `-` and dots, at most 63")
        return name

    @property
    def logins(self) -> list[str]:
        """Whom to log in as, the preferred one first: the admin, then whom the provider lets in."""
        return list(dict.fromkeys([*([self.ssh.admin] if self.ssh else []), self.login.user]))

    @property
    def ports(self) -> list[int]:
        """Where sshd may be reached, the preferred one first."""
        return list(dict.fromkeys([(self.ssh and self.ssh.port) or self.login.port, self.login.port]))

    def secret(self, name: str) -> SecretStr:
        """The value of a secret that its app uses, by its name in the store, e.g. `note-taker/postgres`."""
        return SecretStr(self.kept(name).value)

    def accepted(self, name: str) -> list[SecretStr]:
        """The values of a secret that the box must accept: two while it is rotated, the older first."""
        return [SecretStr(value) for value in self.kept(name).accepted]

    def kept(self, name: str) -> Kept:
        """All of a secret, with where its rotation is. Raises Fault for one that is not in the store."""
        try:
            return self._kept[name]
        except KeyError:
            raise Fault(f"secret {name} is not in the store; `boxkeeper secrets list` shows what is") from None

    def keeps(self, name: str) -> bool:
        """Whether a secret is in the store; an optional one may be missing."""
        return name in self._kept

    def wanted_secrets(self) -> Iterator[Secret]:
        """Every secret that something on this box reads."""
        for app in clashes.server_apps(self):
            if "name" not in vars(app):
                continue  # it is wrong, and its secrets are called by it
            yield from (Secret(f"{app.name}/{name}", app.title) for name in app.secrets)
            yield from (Secret(f"{app.name}/{name}", app.title, optional=True) for name in app.optional)
            yield from (Secret(f"{app.name}/{name}", app.title, generated=True) for name in app.generated)
            for giver in needs.of(app):
                yield from giver.secrets(app)
            yield from git.secrets(app)
        yield from backups.secrets(self)
        yield from alerts.secrets(self)


def _is_address(host: str) -> bool:
    """An IP address, or what could be a name of DNS or of ~/.ssh/config."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?", host)) and bool(
            re.search("[A-Za-z]", host)
        )
    return True


def group(*servers: Server) -> tuple[list[tuple[str, dict[str, Any]]], dict[str, Any]]:
    """The boxes of an inventory, as the group of hosts that pyinfra expects.

    Checks everything that can be checked without a connection. With faults it prints all of them and ends with exit
    code 2; generated secrets that do not exist yet are made and stored.
    """
    inventory = _inventory_file()
    boxes, faults = _read(servers, inventory)
    store = Store.beside(inventory)
    wanted = [secret for server in boxes for secret in server.wanted_secrets()]
    faults += store.complete(wanted, make=not faults)
    if faults:
        _refuse(faults, inventory)
    for server in boxes:
        server._kept.update(store.kept())
    return [(f"@box/{server.host}", _host_data(server)) for server in boxes], {}


def without_secrets(servers: Sequence[Server], inventory: Path) -> tuple[Server, ...]:
    """The boxes of an inventory for who only looks at them: checked as `group` does, less their secrets."""
    boxes, faults = _read(servers, inventory)
    if faults:
        _refuse(faults, inventory)
    return boxes


def _moved(servers: Sequence[Server]) -> Sequence[Server]:
    """The boxes, one of them at the address that `boxkeeper rebuild` brings it onto."""
    old, _, new = environ.get(ONTO, "").partition("=")
    return [
        type(server).model_validate({**dict(server), "host": new, "name": server.name or server.host})
        if new and server.host == old
        else server
        for server in servers
    ]


def _read(servers: Sequence[Server], inventory: Path) -> tuple[tuple[Server, ...], list[str]]:
    """The boxes with the paths that they mean, and what is wrong with them."""
    strangers = [type(server).__name__ for server in servers if not isinstance(server, Server)]
    if strangers:
        takes = "group: takes `Server(...)`, one after the other, and was given a"
        _refuse([f"{takes} {name}" for name in strangers], inventory)
    boxes = tuple(server.located(_folder(inventory)) for server in _moved(servers))
    return boxes, [*clashes.among(boxes), *(fault for box in boxes for fault in (*box.faults, *clashes.within(box)))]


def _refuse(faults: list[str], inventory: Path) -> NoReturn:
    """Print what is wrong and end with exit code 2."""
    for fault in dict.fromkeys(faults):
        click.echo(f"--> {fault}", err=True)
    click.echo(f"{len(set(faults))} to mend in {inventory.name}; nothing was connected.", err=True)
    sys.exit(2)


def _inventory_file() -> Path:
    """The inventory that is being read: the file of the frame that called `group`."""
    frame = sys._getframe()
    while frame.f_code.co_filename == __file__:
        assert frame.f_back is not None
        frame = frame.f_back
    return Path(frame.f_globals.get("__file__", frame.f_code.co_filename))


def _folder(inventory: Path) -> Path:
    """Where the relative paths of an inventory begin: at its own folder; for one of `inventories/` above that."""
    folder = inventory.absolute().parent
    return folder.parent if folder.name == "inventories" else folder


def _host_data(server: Server) -> dict[str, Any]:
    data: dict[str, Any] = {
        "server": server,
        "box_logins": server.logins,
        "box_ports": server.ports,
    }
    if server.login.key is not None:
        data["ssh_key"] = server.login.key
    if server.login.known_hosts is not None:
        data["ssh_known_hosts_file"] = server.login.known_hosts
        data["ssh_strict_host_key_checking"] = "yes"
    return data
