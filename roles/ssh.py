"""Ssh."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from roles import Settings
from roles.resources import Resource

if TYPE_CHECKING:
    from roles.server import Server


class Ssh(Settings):
    """Ssh."""

    admin: str = "admin"
    keys: tuple[str, ...] = ()


def wanted(server: Server) -> Iterator[Resource]:
    if server.ssh is None:
        return
    yield from ()
