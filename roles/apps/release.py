"""A release: one version of an app, built on the box, and the resource that wants the newest one live."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from roles.apps import build, source
from roles.apps.app import App, Folder
from roles.apps.environment import public
from roles.resources import Json, Unit


@dataclass(frozen=True)
class Release:
    """The app's source, built as its build unit says, live and healthy.

    `recipe` is a hash of how it is built; a changed one makes a new release of the same source.
    """

    app: App
    recipe: str
    units: Sequence[Unit]
    kind: ClassVar[str] = "releases"

    @property
    def name(self) -> str:
        return f"{self.app.name} release"

    def query(self) -> Json:
        git = None if isinstance(self.app.source, Folder) else {"url": self.app.source.url, "ref": self.app.source.ref}
        return {"app": self.app.name, "git": git}

    def differences(self, found: Json) -> Sequence[str]:
        wanted = self._source(found)
        if found["running"]:
            return ["a release is under way"]
        if wanted is None:
            return [f"what to release is not found: {self.query()['git']['ref']} at {self.query()['git']['url']}"]
        if found["source"] is None:
            return [f"no release is live; wanted {wanted[:12]}"]
        if found["source"] != wanted:
            return [f"{found['source'][:12]} is live; wanted {wanted[:12]}"]
        return [] if found["recipe"] == self.recipe else ["it was built in another way"]

    def payload(self, found: Json) -> Json:
        return {
            "app": self.app.name,
            "source": self._source(found),
            "git": self.query()["git"],
            "archive": self._archive(self.app.source) if isinstance(self.app.source, Folder) else None,
            "recipe": self.recipe,
            "build": f"{self.app.unit('build')}.service",
            "before": [f"{self.app.unit('release')}.service"] if self.app.release_command else [],
            "units": [
                {"name": unit.name, "watch": list(unit.watch), "live": [], "verb": "restart"} for unit in self.units
            ],
            "health": health(self.app),
        }

    def _archive(self, wanted: Folder) -> str:
        folder = _folder(wanted)
        if self.app.build_on == "box" or not self.app.uses_npm:
            return source.archive(folder, source.files(folder))
        with build.here(self.app, folder, public(self.app)) as built:
            return source.archive(built, source.everything(built))

    def _source(self, found: Json) -> str | None:
        """What identifies the source: a hash of the folder, or the commit; None where the box does not find it."""
        if isinstance(self.app.source, Folder):
            return _identity(_folder(self.app.source))
        commit: str | None = found["commit"]
        return commit


@dataclass(frozen=True)
class Healthy:
    """The app answers as a healthy one, whatever was changed: its source, its environment or its units."""

    app: App
    kind: ClassVar[str] = "health"

    @property
    def name(self) -> str:
        return f"{self.app.name} health"

    def query(self) -> Json:
        return health(self.app)

    def differences(self, found: Json) -> Sequence[str]:
        return [f"GET {self.app.health}: {found}"] if found else []

    def payload(self, found: Json) -> Json:
        return health(self.app)


def health(app: App) -> Json:
    """How the box asks an app whether it is healthy; None for an app without a web process."""
    web = next((process for process in app.processes if process.web), None)
    units = [f"{app.unit(process.name)}.service" for process in app.processes]
    return web and {"socket": app.socket(web.name), "path": app.health, "host": app.domain, "units": units}


@functools.cache
def _identity(folder: Path) -> str:
    """Once per run: a run sees one version of the source, whatever is saved meanwhile."""
    return source.identity(folder)


def _folder(folder: Folder) -> Path:
    return Path(folder.path).expanduser().resolve()
