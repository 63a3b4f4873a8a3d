"""Major: PostgreSQL's next major version, asked for by `boxkeeper postgres upgrade`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from roles.resources import Json, Resource

if TYPE_CHECKING:
    from roles.server import Server


@dataclass(frozen=True)
class Upgraded:
    """The cluster in the distribution's version. These apps are asked before and after."""

    apps: Sequence[str]
    name: str = "version"
    kind: ClassVar[str] = "major"

    def query(self) -> Json:
        return None

    def differences(self, found: Json) -> Sequence[str]:
        if not found["has"] or found["has"] == found["newest"]:
            return []
        return [f"PostgreSQL {found['has']}, and the distribution has {found['newest']}"]

    def payload(self, found: Json) -> Json:
        return {"apps": list(self.apps)}


@dataclass(frozen=True)
class Newest:
    """A role: the newest major version that the distribution has."""

    __name__ = "postgres"

    def objections(self, servers: Sequence[Server]) -> Iterator[str]:
        """Boxes without PostgreSQL, or without backups of it to go back to."""
        for server in servers:
            if server.postgres is None:
                yield f"{server.host} has no PostgreSQL"
            elif server.backups is None:
                yield f"{server.host} has no backups: write `backups=Backups()` into its Server first"

    def wanted(self, server: Server) -> Iterator[Resource]:
        yield Upgraded([app.name for app in server.apps if "postgres" in app.needs])
