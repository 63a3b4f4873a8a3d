"""Alerts: a program on the box that looks every quarter of a minute, and tells of what is past its limits.

What is said is in the journal of its unit and on the screen of `boxkeeper status`; and at a webhook, where the store
has its address. A box that is away can't say so: whoever it calls each minute at the address `alerts/ping` can.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from roles import Settings, needs, redis, render
from roles.apps.app import App
from roles.apps.parts import Limits
from roles.budget import Cost, Size, megabytes
from roles.resources import Directory, File, Files, Json, Resource, Unit, Units
from roles.secrets import Secret

if TYPE_CHECKING:
    from roles.server import Server

CONFIG = "/etc/boxkeeper/alerts.json"
"""What `onbox/alerts.py` looks at, with the addresses that it tells: for root alone."""
NAME = "boxkeeper-alerts.service"
UNIT = f"/etc/systemd/system/{NAME}"
PROGRAMS = tuple(f"/usr/local/lib/boxkeeper/onbox/{name}.py" for name in ("alerts", "measures", "notices", "troubles"))
WEBHOOK, PING = "alerts/webhook", "alerts/ping"
MEMORY_MB = 96
"""Where it is stopped; measured: 30 MB."""


class Alerts(Settings):
    """Word of what is past its limits: those of an app are in its class."""

    capacity: float = Field(
        default=0.8, gt=0, le=1, description="Part of its CPUs, and of its memory, from which on a box is called full"
    )

    def costs(self, apps: Sequence[App], size: Size) -> Iterator[Cost]:
        """Measured, with five apps."""
        yield Cost("alerts", ram_mb=30, there=UNIT)


def secrets(server: Server) -> Iterator[Secret]:
    """Whom it tells."""
    if isinstance(vars(server).get("alerts"), Alerts):
        yield from (Secret(name, "Alerts", optional=True) for name in (WEBHOOK, PING))


def wanted(server: Server) -> Iterator[Resource]:
    if server.alerts is None:
        return
    yield Files(
        [
            Directory("/etc/boxkeeper"),
            File(CONFIG, (json.dumps(_described(server, server.alerts), indent=1) + "\n").encode(), mode="0600"),
            File(UNIT, render("alerts/boxkeeper-alerts.service.j2", memory_mb=MEMORY_MB)),
        ]
    )
    yield Units([Unit(NAME, watch=(CONFIG, UNIT, *PROGRAMS))])


def _described(server: Server, alerts: Alerts) -> Json:
    capacity = {"busy": alerts.capacity, "full": alerts.capacity}
    return {
        "host": server.name or server.host,
        "webhook": address(server, WEBHOOK),
        "ping": address(server, PING),
        "status": query(server),
        "box": {"name": "the box", "warning": capacity, "critical": {}},
        "apps": [_app(server, app) for app in server.apps],
    }


def address(server: Server, name: str) -> str | None:
    """Whom to tell; None where the store has nobody."""
    return server.secret(name).get_secret_value().strip() if server.keeps(name) else None


def _app(server: Server, app: App) -> Json:
    return {
        "name": app.name,
        "sites": app.names,
        "database": app.database,
        "redis": redis.service(app) if "redis" in app.needs else None,
        "warning": _limits(app.warning),
        "critical": _limits(app.critical),
    }


def _limits(limits: Limits) -> Json:
    """Limits in seconds, parts and MB."""
    return {name: megabytes(limit) if isinstance(limit, str) else limit for name, limit in vars(limits).items()}


def query(server: Server, apps: Sequence[App] | None = None) -> Json:
    """What to ask the box's `status` program; of all its apps, or of these."""
    return {
        "services": services(server),
        "backups": server.backups is not None,
        "patches": server.patches is not None,
        "apps": [_query(app) for app in (server.apps if apps is None else apps)],
    }


def services(server: Server) -> list[str]:
    """The units of the box's own roles, and of what its apps need."""
    named = {"postgres": "postgresql.service", "nginx": "nginx.service", "tls": "boxkeeper-certificates.timer"}
    own = [unit for role, unit in named.items() if getattr(server, role) is not None]
    return list(dict.fromkeys([*own, *(giver.service(app) for app in server.apps for giver in needs.of(app))]))


def _query(app: App) -> Json:
    return {
        "name": app.name,
        "site": {"name": app.name, "names": app.names} if app.routes else None,
    }
