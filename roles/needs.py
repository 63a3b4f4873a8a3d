"""Needs: what an app may ask of its box, each with the role that gives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from roles import chroma, ollama, postgres, redis, turn
from roles.apps.app import App, Need
from roles.secrets import Secret

if TYPE_CHECKING:
    from roles.server import Server


class Giver(Protocol):
    """A role that apps need by name. Modules are givers: they have these two functions."""

    def variables(self, server: Server, app: App) -> dict[str, str]:
        """The environment variables by which the app finds it, in clear."""
        ...

    def service(self, app: App) -> str:
        """The unit that serves the app."""
        ...

    def secrets(self, app: App) -> Iterator[Secret]:
        """The generated secrets that it keeps for the app."""
        ...


GIVERS: Mapping[Need, Giver] = {
    "postgres": postgres,
    "redis": redis,
    "chroma": chroma,
    "ollama": ollama,
    "turn": turn,
}


def of(app: App) -> Iterator[Giver]:
    """The givers of an app's needs, in a fixed order."""
    return (giver for need, giver in GIVERS.items() if need in app.needs)
