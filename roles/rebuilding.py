"""Rebuilding: a box that was lost, on a new one: what it had backed up away from it, before anything runs there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from roles import backups
from roles.apps.role import accounts, homes
from roles.resources import Files, Json, Resource, Units

if TYPE_CHECKING:
    from roles.server import Server


@dataclass(frozen=True)
class Rebuilt:
    """What was backed up, in the place of nothing. Refuses a box that has data already."""

    databases: Sequence[str]
    name: str = "what was backed up"
    kind: ClassVar[str] = "rebuild"

    def query(self) -> Json:
        return {"databases": list(self.databases)}

    def refuse(self, found: Json) -> Sequence[str]:
        if found["record"] is None and found["data"]:
            return [f"has data already ({', '.join(found['data'])}): a rebuild is for a new box"]
        return []

    def differences(self, found: Json) -> Sequence[str]:
        return [] if found["record"] and found["record"]["done"] else ["what was backed up is not here yet"]

    def payload(self, found: Json) -> Json:
        return None


@dataclass(frozen=True)
class Rebuilding:
    """A role: the backups of before. Everything that uses them has to be there, and none may be made yet."""

    __name__ = "rebuilding"

    def objections(self, servers: Sequence[Server]) -> Iterator[str]:
        """Boxes of which nothing is anywhere else."""
        for server in servers:
            if server.backups is None or server.backups.offsite is None:
                yield f"{server.host} has no backups away from it: without `Backups(offsite=...)` they ended with it"

    def wanted(self, server: Server) -> Iterator[Resource]:
        yield accounts(server)
        yield Files([entry for app in server.apps for entry in homes(app)], name="homes")
        yield from (each for each in backups.wanted(server) if not isinstance(each, Units))  # no timer yet
        yield Rebuilt([app.database for app in server.apps if server.postgres and "postgres" in app.needs])
