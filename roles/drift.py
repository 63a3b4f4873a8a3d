"""Drift: what on a box is not as the inventory describes it, and what is there that it does not mention."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from roles import Settings, firewall, nginx, render
from roles.confirmed import Confirmed
from roles.order import ORDER, plan
from roles.resources import Directory, Entry, File, Files, Json, Resource, Unit, Units

if TYPE_CHECKING:
    from roles.server import Server

KNOWN = "/etc/boxkeeper/drift.json"
SERVICE, TIMER = "/etc/systemd/system/boxkeeper-drift.service", "/etc/systemd/system/boxkeeper-drift.timer"


class Drift(Settings):
    """A daily look at what has changed on the box since the last one."""

    known: tuple[str, ...] = Field(
        default=(), description="What is not from the inventory and may stay, as `boxkeeper drift` prints it"
    )


def wanted(server: Server) -> Iterator[Resource]:
    if server.drift is None:
        return
    files = [{"path": entry.path, "wanted": entry.wanted()} for entry in _files(server)]
    compared = json.dumps({**described(server), "files": files}, indent=1) + "\n"
    yield Files(
        [
            Directory("/etc/boxkeeper"),
            # For root alone: it says what files with secrets hash to.
            File(KNOWN, compared.encode(), mode="0600"),
            File(SERVICE, render("drift/boxkeeper-drift.service.j2")),
            File(TIMER, render("drift/boxkeeper-drift.timer.j2")),
        ]
    )
    yield Units([Unit("boxkeeper-drift.timer", watch=(TIMER,))])


def described(server: Server) -> Json:
    """What is no stranger on the box; see `onbox/strangers.py`. It holds no secrets."""
    confirmed = [each for _, each in plan(server, ORDER) if isinstance(each, Confirmed)]
    paths = [*_files(server), *(file for each in confirmed for file in each.files)]
    return {
        "paths": sorted([*(entry.path for entry in paths), *([nginx.CONFIG] if server.nginx else [])]),
        "apps": sorted(app.name for app in server.apps),
        "ports": sorted(_opened(server)),
        "admin": server.ssh.admin if server.ssh else None,
        "known": list(server.drift.known) if server.drift else [],
    }


def _files(server: Server) -> list[Entry]:
    """Our own files. A directory holds what others put there too; a run looks after its mode."""
    sets = [resource for _, resource in plan(server, ORDER) if isinstance(resource, Files)]
    return [entry for each in sets for entry in each.paths if not isinstance(entry, Directory)]


def _opened(server: Server) -> set[str]:
    own = {port for role in firewall.REACHED for port in role.opens(server)}
    return own | set(server.firewall.ports if server.firewall else ())
