"""ChromaDB: one instance per app, on disk, behind a door that opens with the app's token only.

Chroma 1.x has no authentication (its Python server of 0.6 had; that line gets no more releases), and on loopback every
account of the box could use it. So an instance runs in a network of its own, where nobody else's packets arrive and
none leave, telemetry included; the one way in is a socket of systemd's, handed to `onbox/door.py`, which lets through
what carries the token. Neither nginx nor the firewall has to be there for that, or right.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field, SecretStr, field_validator

from roles import Settings, instances, render
from roles.apps.app import App
from roles.budget import Cost, Size
from roles.resources import Directory, Entry, File, Files, Packages, Resource, Unit, Units, User, Users, Venv
from roles.secrets import Secret

if TYPE_CHECKING:
    from roles.server import Server

FIRST_PORT, PORTS = 7400, 600
HOME = "/opt/boxkeeper/chroma"
VENV = Venv(HOME, requirements=("chromadb==1.5.9", "--no-deps"))
"""The server is one library in Rust inside this wheel: 62 MB. What it depends on (onnxruntime, kubernetes, grpcio and
60 more, 600 MB) is for programs in Python that embed it."""
UNITS = "/etc/systemd/system"
UNIT = "boxkeeper-chroma@"
FOLDER = "/var/lib/boxkeeper-chroma"
DOOR = "/usr/local/lib/boxkeeper/onbox/door.py"
LEAST_MB = 128
"""Chroma and its door take 70 MB before they hold anything."""


class Chroma(Settings):
    """ChromaDB, one instance for each app that needs it, reachable from this box and with its token only."""

    ports: dict[str, int] = Field(
        default_factory=dict, description='Port by app, where two apps would have the same, e.g. {"rodeo-ai": 7500}'
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
        """Its cap counts in full: what is stored is in memory. On disk it is there once more, and its log."""
        needing = [app for app in apps if "chroma" in app.needs]
        if needing:
            yield Cost("Chroma", disk_mb=100, there=HOME)
        for app in needing:
            most, less = megabytes(app), f"a smaller `chroma_memory` for {app.name}"
            place = f"{FOLDER}/{app.name}"
            yield Cost(f"Chroma of {app.name}", most, 2 * most, there=place, less_ram=less, less_disk=less)

    def clashes(self, apps: Sequence[App]) -> Iterator[str]:
        """Instances on one port, ports for nobody, caps that are too small."""
        needing = [app for app in apps if "chroma" in app.needs]
        yield from instances.clashes("Chroma", {app.name: self.port(app) for app in needing}, self.ports)
        for app in needing:
            if megabytes(app) < LEAST_MB:
                yield f'{app.name}: chroma_memory {app.chroma_memory} holds nothing; write e.g. `chroma_memory="384mb"`'


def megabytes(app: App) -> int:
    """The most memory that its Chroma may take."""
    found = re.fullmatch(r"(\d+)(mb|gb)", app.chroma_memory)
    return int(found[1]) * (1024 if found[2] == "gb" else 1) if found else 0


@dataclass(frozen=True)
class Instance:
    """The Chroma of one app. Of its tokens only hashes go to the box, besides the app's own environment."""

    app: App
    port: int
    tokens: Sequence[SecretStr]

    @property
    def user(self) -> str:
        """Its system account."""
        return instances.account("chroma-", self.app.name)

    @property
    def folder(self) -> str:
        return f"{FOLDER}/{self.app.name}"

    @property
    def name(self) -> str:
        return f"{UNIT}{self.app.name}"

    @property
    def units(self) -> list[Unit]:
        """Its socket, and what answers there; each restarted when one of its files is not the one it runs with."""
        socket = (f"{UNITS}/{UNIT}.socket", f"{UNITS}/{self.name}.socket.d/boxkeeper.conf")
        own = (f"{UNITS}/{UNIT}.service", f"{UNITS}/{self.name}.service.d/boxkeeper.conf", self._door.path, DOOR)
        made = f"{HOME}/made-of.json"
        return [
            Unit(f"{self.name}.socket", watch=socket),
            Unit(service(self.app), watch=(*own, *socket, made)),
        ]

    @property
    def _door(self) -> File:
        start = "import chromadb_rust_bindings as chroma, sys; chroma.cli(['chroma', *sys.argv[1:]])"
        command = [f"{HOME}/bin/python", "-I", "-c", start, "run", "--host", "127.0.0.1", "--port", "8000"]
        settings = {
            "tokens": self._opens.path,
            "command": [*command, "--path", self.folder],
            "port": 8000,
            "ready": "/api/v2/heartbeat",
        }
        content = (json.dumps(settings, indent=2) + "\n").encode()
        return File(f"/etc/boxkeeper/chroma/{self.app.name}.json", content, "0640", group=self.user)

    @property
    def _opens(self) -> File:
        """What the door opens to. It reads this for each request, so another token restarts nothing."""
        hashes = [hashlib.sha256(token.get_secret_value().encode()).hexdigest() for token in self.tokens]
        content = "".join(f"{each}\n" for each in hashes).encode()
        return File(f"/etc/boxkeeper/chroma/{self.app.name}.tokens", content, "0640", group=self.user)

    @property
    def paths(self) -> list[Entry]:
        service = render("chroma/service.conf.j2", user=self.user, folder=self.folder, memory=megabytes(self.app))
        socket = render("chroma/socket.conf.j2", port=self.port)
        return [
            Directory(self.folder, mode="0700", owner=self.user, group=self.user),
            *(Directory(f"{UNITS}/{self.name}.{kind}.d") for kind in ("service", "socket")),
            File(f"{UNITS}/{self.name}.service.d/boxkeeper.conf", service),
            File(f"{UNITS}/{self.name}.socket.d/boxkeeper.conf", socket),
            self._door,
            self._opens,
        ]


def files(own: Sequence[Instance]) -> Files:
    """The files of all instances."""
    shared: list[Entry] = [
        Directory("/etc/boxkeeper/chroma"),
        Directory(FOLDER, mode="0711"),
        File(f"{UNITS}/{UNIT}.service", render("chroma/boxkeeper-chroma@.service.j2")),
        File(f"{UNITS}/{UNIT}.socket", render("chroma/boxkeeper-chroma@.socket.j2")),
    ]
    return Files([*shared, *(path for one in own for path in one.paths)], name="instances")


def wanted(server: Server) -> Iterator[Resource]:
    own = [_instance(server, app) for app in server.apps if "chroma" in app.needs]
    if server.chroma is None or not own:
        return
    yield Packages(["python3-venv"])
    yield VENV
    yield Users([User(one.user, home=one.folder) for one in own])
    yield files(own)
    yield Units([unit for one in own for unit in one.units])


def _instance(server: Server, app: App) -> Instance:
    assert server.chroma is not None
    return Instance(app, server.chroma.port(app), server.accepted(f"{app.name}/chroma"))


def variables(server: Server, app: App) -> dict[str, str]:
    """Where an app finds its Chroma, and the token, which clients send as the header `X-Chroma-Token`.

    Python: `chromadb.HttpClient(host=CHROMA_URL, headers={"X-Chroma-Token": CHROMA_TOKEN})`.
    """
    instance = _instance(server, app)
    return {
        "CHROMA_URL": f"http://127.0.0.1:{instance.port}",
        "CHROMA_TOKEN": server.secret(f"{app.name}/chroma").get_secret_value(),
        # Chroma's own client for Python would report its use otherwise
        "ANONYMIZED_TELEMETRY": "False",
    }


def service(app: App) -> str:
    return f"{UNIT}{app.name}.service"


def secrets(app: App) -> Iterator[Secret]:
    yield Secret(f"{app.name}/chroma", needed_by=app.title, generated=True)
