"""All roles of a box in the order of need, and what they want of it together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from roles import (
    alerts,
    apps,
    backups,
    base,
    chroma,
    firewall,
    nginx,
    ollama,
    patches,
    postgres,
    program,
    redis,
    ssh,
    tls,
    turn,
)
from roles.resources import Resource

if TYPE_CHECKING:
    from roles.server import Server

ORDER = (base, ssh, firewall, postgres, redis, chroma, ollama, tls, nginx, turn, apps, backups, patches, alerts)
"""From a bare box to running apps."""


def plan(server: Server, roles: Iterable[Any]) -> Iterator[tuple[str, Resource]]:
    """What roles want of a box, each by the label of its operation.

    The programs come first: what a role starts on the box may be one of them.
    """
    for role in (program, *roles):
        name = role.__name__.rpartition(".")[2]
        yield from ((f"{name}: {resource.name}", resource) for resource in role.wanted(server))
