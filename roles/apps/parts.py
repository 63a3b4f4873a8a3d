"""What an app is made of: its runtime, its processes, what its site serves and from where, its jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Python:
    """A virtual environment per release, from a requirements file. Paths are from the top of the source."""

    directory: str = "."
    requirements: str = "requirements.txt"


@dataclass(frozen=True)
class Node:
    """Node.js with the packages of a package.json: `npm ci` where there is a lock file. Paths are from the top.

    `build` runs after it, with the packages for development there too; None where there is nothing to build.
    """

    directory: str = "."
    build: str | None = None


@dataclass(frozen=True)
class Frontend:
    """A static site. Paths are from the top of the source; `output` is the folder of its files.

    `build` runs after `npm ci`; None where the files are there already, or made by the runtime's build.
    """

    directory: str = "."
    build: str | None = "npm run build"
    output: str = "build"


@dataclass(frozen=True)
class Process:
    """Something of the app that keeps running.

    `command` is run in `directory` of the release, with the programs of its runtime first on PATH. A `web` process is
    handed its listening Unix socket as file descriptor 3 (systemd socket activation); a Node one finds it behind the
    TCP port it listens on, which is `port` and the variable PORT.
    """

    name: str
    command: str
    directory: str = "."
    web: bool = True
    port: int = 3000
    memory: str = "512M"
    """Where it is stopped, with room for accidents."""
    typical: str = "128M"
    """What it works with on a busy day: by this the box is chosen, see `roles/budget.py`."""
    stop: int = 20
    """Seconds that it gets to finish what it is doing."""
    alone: bool = False
    """Only one of it may run at a time, as of a scheduler: a release stops the old one before it starts the new one."""
    jit: bool = False
    """Just-in-time compilers need writable executable memory, which the unit otherwise forbids. Node has it."""


@dataclass(frozen=True)
class Rate:
    """Requests that one address may start. For a WebSocket route it counts new connections."""

    requests: int
    per: Literal["second", "minute"] = "minute"
    burst: int = 5


@dataclass(frozen=True)
class Route:
    """A path of the site and where it goes: a process by name, `static` for the frontend, or `shared/FOLDER`.

    A folder of `shared` is kept across releases; what the app puts there is served as files that can't run as a page.
    A `path` that ends in `/` (or is `/`) is a prefix; any other is exact. `websocket` routes may be idle for hours.
    Answers are never buffered, so server-sent events and token streams flow.
    """

    path: str
    to: str = "web"
    websocket: bool = False
    rate: Rate | None = None
    body: str = "10m"


@dataclass(frozen=True)
class Limits:
    """Past what somebody is told (`roles/alerts.py`). None is no limit; rates are those of the last five minutes."""

    down: float | None = None
    """Seconds without a healthy answer."""
    errors: float | None = None
    """Part of its requests that is answered with 5xx, e.g. 0.05."""
    p95: float | None = None
    """Seconds that 95 of 100 requests take at most; a WebSocket is none."""
    memory: str | None = None
    """Of its processes together, e.g. "300M"."""
    cpu: float | None = None
    """CPUs that they use; 0.5 is half of one."""
    restarts: int | None = None
    """Times a day that they end by themselves."""
    connections: int | None = None
    """To its database."""
    redis: str | None = None
    """Memory of its Redis, e.g. "100M"."""


@dataclass(frozen=True)
class Job:
    """A command at a time (systemd's OnCalendar, UTC)."""

    name: str
    command: str
    calendar: str
    directory: str = "."
