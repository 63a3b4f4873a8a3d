"""Redis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from roles import Settings
from roles.apps import App
from roles.resources import Resource

if TYPE_CHECKING:
    from roles.server import Server


class Redis(Settings):
    """Redis."""

    def clashes(self, apps: Sequence[App]) -> Iterator[str]:
        """Apps whose instances would listen on the same port."""
        return iter(())


def wanted(server: Server) -> Iterator[Resource]:
    if server.redis is None:
        return
    yield from ()
