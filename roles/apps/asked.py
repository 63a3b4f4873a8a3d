"""What somebody asks of apps that are there: the newest version of one, an earlier release, or another environment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from roles.apps.app import App, Folder
from roles.apps.release import Live, Rollback
from roles.apps.role import app_wanted, release
from roles.resources import Resource

if TYPE_CHECKING:
    from roles.server import Server


@dataclass(frozen=True)
class Newest:
    """A role: the app as the inventory describes it now, whatever it was pinned to. With `ref` it is pinned to that."""

    app: str | None
    ref: str | None = None
    __name__ = "apps"

    def objections(self, servers: Sequence[Server]) -> Iterator[str]:
        """What was not said, or is on none of these boxes; and a ref that can't be one."""
        yield from _unknown(self.app, servers)
        for app in (app for server in servers for app in _called(server, self.app) if self.ref is not None):
            yield from _no_ref(app, str(self.ref))

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

    app: str | None
    to: str | None
    __name__ = "apps"

    def objections(self, servers: Sequence[Server]) -> Iterator[str]:
        """What was not said, or is on none of these boxes."""
        yield from _unknown(self.app, servers)
        if self.to is None:
            yield "add `--data to=RELEASE`; `boxkeeper releases ENV APP` lists those that could be live again"

    def wanted(self, server: Server) -> Iterator[Resource]:
        return (Rollback(app, str(self.to)) for app in _called(server, self.app))


def _unknown(name: str | None, servers: Sequence[Server]) -> Iterator[str]:
    names = sorted({app.name for server in servers for app in server.apps})
    if name not in names:
        wrong = "no app is named" if name is None else f"there is no app called {name}"
        yield f"{wrong}: add `--data app=NAME`, one of {', '.join(names) or 'none'}"


def _called(server: Server, name: str | None) -> list[App]:
    """The app of this name; none where it is on another box."""
    return [app for app in server.apps if app.name == name]


def _no_ref(app: App, ref: str) -> Iterator[str]:
    """Why an app has no such version."""
    if isinstance(app.source, Folder):
        yield f"{app.name}: its source is a folder of yours, which has no {ref!r}; only `Git(...)` has refs"
    else:
        yield from (f"{app.name}: {fault}" for fault in app.source.at(ref).faults)


def _at(app: App, ref: str) -> App:
    """The app with its source at another ref."""
    assert not isinstance(app.source, Folder)
    return app.model_copy(update={"source": app.source.at(ref)})
