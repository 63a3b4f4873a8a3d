"""What somebody asks of apps that are there: the newest version of one, an earlier release, or another environment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from roles import Fault
from roles.apps.app import App, Folder
from roles.apps.release import Live, Rollback
from roles.apps.role import app_wanted, release
from roles.resources import Resource

if TYPE_CHECKING:
    from roles.server import Server


@dataclass(frozen=True)
class Newest:
    """A role: the app as the inventory describes it now, whatever it was pinned to. With `ref` it is pinned to that."""

    app: str
    ref: str | None = None
    __name__ = "apps"

    def wanted(self, server: Server) -> Iterator[Resource]:
        for app in _called(server, self.app):
            wanted = app if self.ref is None else _at(app, str(self.ref))
            made = release(wanted, asked=True, pin=self.ref is not None)
            yield from app_wanted(server, wanted, made)
            yield Live(made)


@dataclass(frozen=True)
class Environments:
    """A role: the version of each app that is live, with the environment of now. With `app` of that one alone."""

    app: str | None = None
    __name__ = "apps"

    def wanted(self, server: Server) -> Iterator[Resource]:
        releases = [replace(release(app), kept=True) for app in server.apps if self.app in (None, app.name)]
        for made in releases:
            yield from app_wanted(server, made.app, made)
        yield from map(Live, releases)


@dataclass(frozen=True)
class Earlier:
    """A role: a release of before, with the environment of now."""

    app: str
    to: str
    __name__ = "apps"

    def wanted(self, server: Server) -> Iterator[Resource]:
        return (Rollback(app, self.to) for app in _called(server, self.app))


def _called(server: Server, name: str) -> list[App]:
    """The app of this name; none where it is on another box."""
    return [app for app in server.apps if app.name == name]


def _at(app: App, ref: str) -> App:
    """The app with its source at another ref. Raises Fault for one that has none."""
    if isinstance(app.source, Folder):
        raise Fault(f"{app.name}: its source is a folder of yours, which has no {ref}; only `Git(...)` has refs")
    source = type(app.source)(url=app.source.url, ref=ref)
    if source.faults:
        raise Fault(f"{app.name}: {source.faults[0]}")
    return app.model_copy(update={"source": source})
