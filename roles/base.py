"""Base."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from roles import Settings
from roles.resources import Resource

if TYPE_CHECKING:
    from roles.server import Server


class Base(Settings):
    """Base."""


def wanted(server: Server) -> Iterator[Resource]:
    if server.base is None:
        return
    yield from ()
