"""A release: one version of an app, built on the box, and the resources that want one live."""

from __future__ import annotations

import functools
import getpass
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from roles.apps import build, git, source
from roles.apps.app import App, Folder
from roles.apps.environment import public
from roles.budget import megabytes
from roles.resources import Json


@dataclass(frozen=True)
class Release:
    """The app's newest source, with its environment and its units, live and healthy.

    `recipe` is a hash of how it is built; a changed one makes a new build of the same source. `own` are the files of
    the units that run it, `shared` others that it runs with. A release that was `pinned`, by a rollback or by a ref of
    its own, stays until somebody asks for a release by name: with `asked`. With `kept` whatever is live stays, and
    only its environment is the one of now.
    """

    app: App
    recipe: str
    own: Sequence[str]
    shared: Sequence[str] = ()
    asked: bool = False
    pin: bool = False
    kept: bool = False
    kind: ClassVar[str] = "releases"
    forgiving: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return f"{self.app.name} release"

    def query(self) -> Json:
        units = [*self.own, *self.shared]
        return {"app": self.app.name, "git": git.query(self.app), "environment": self.app.env_file, "units": units}

    def differences(self, found: Json) -> Sequence[str]:
        if found["running"]:
            return [f"a release is under way: {under_way(found['running'])}"]
        live = found["live"]
        if live is None:
            return [f"no release is live; wanted {(self._source(found) or 'one')[:12]}"]
        return [*self._versions(found), *self._surroundings(found)]

    def _versions(self, found: Json) -> list[str]:
        """Where the live version is not the wanted one."""
        live = found["live"]
        if self._stays(found):
            return []
        wanted = self._source(found)
        if wanted is None:
            return [f"what to release is not found: {self.query()['git']['ref']} at {self.query()['git']['url']}"]
        if live["source"] != wanted:
            return [f"{live['source'][:12]} is live; wanted {wanted[:12]}"]
        if live["recipe"] != self.recipe:
            return ["it was built in another way"]
        if live["pinned"] != self.pin:
            return [f"{live['name']} is pinned" if live["pinned"] else "it is not pinned"]
        return [] if live["units"] == found["units"] else ["it runs with other units"]

    def _surroundings(self, found: Json) -> list[str]:
        """Where what is live does not run as it was made, or with what is wanted now."""
        stopped = [f"{unit} is {state}" for unit, state in found["states"].items() if state not in RUNNING]
        if found["live"]["environment"] != found["environment"]:
            return ["it runs with another environment", *stopped]
        return stopped if found["intact"] else ["its environment or units were changed by hand", *stopped]

    def _stays(self, found: Json) -> bool:
        return bool(found["live"] and (self.kept or (found["live"]["pinned"] and not self.asked)))

    def payload(self, found: Json) -> Json:
        stays, wanted = self._stays(found), self.wanted(found)
        built = [wanted, self.recipe] in found["builds"]
        return {
            "app": self.app.name,
            "kind": "release",
            "like": found["live"]["name"] if stays else None,
            "pinned": found["live"]["pinned"] if stays else self.pin,
            "who": who(),
            "source": wanted,
            "ref": None if isinstance(self.app.source, Folder) else self.app.source.ref,
            "git": self.query()["git"],
            "archive": None if stays or built else self._archive(),
            "recipe": self.recipe,
            "build": f"{self.app.unit('build')}.service",
            "before": [f"{self.app.unit('release')}.service"] if self.app.release_command else [],
            "environment": self.app.env_file,
            "own": list(self.own),
            "shared": list(self.shared),
            "processes": processes(self.app),
            "health": health(self.app),
            "drain_seconds": self.app.drain_seconds,
            "database": self.app.database if "postgres" in self.app.needs else None,
        }

    def _archive(self) -> str | None:
        """The source as it is sent; None where the box fetches it by itself."""
        if not isinstance(self.app.source, Folder):
            return None
        folder = _folder(self.app.source)
        if self.app.build_on == "box" or not self.app.uses_npm:
            return source.archive(folder, source.files(folder))
        with build.here(self.app, folder, public(self.app)) as built:
            return source.archive(built, source.everything(built))

    def wanted(self, found: Json) -> str | None:
        """The source that is to be live: the newest, or what is live where that stays."""
        return found["live"]["source"] if self._stays(found) else self._source(found)

    def _source(self, found: Json) -> str | None:
        """The newest source: a hash of the folder, or the commit; None where the box does not find it."""
        if isinstance(self.app.source, Folder):
            return _identity(_folder(self.app.source))
        commit: str | None = found["commit"]
        return commit


@dataclass(frozen=True)
class Rollback:
    """A release of before is live again: its build and its units, with the environment of now. It stays until asked."""

    app: App
    to: str
    kind: ClassVar[str] = "releases"

    @property
    def name(self) -> str:
        return f"{self.app.name} rollback to {self.to}"

    def query(self) -> Json:
        return {"app": self.app.name, "git": None, "environment": self.app.env_file, "units": []}

    def differences(self, found: Json) -> Sequence[str]:
        if found["running"]:
            return [f"a release is under way: {under_way(found['running'])}"]
        live = found["live"]
        if live is not None and self.to in (live["name"], live["like"]):
            return []
        return [f"{live['name'] if live else 'nothing'} is live"]

    def payload(self, found: Json) -> Json:
        asked = {"app": self.app.name, "kind": "rollback", "like": self.to, "pinned": True, "who": who()}
        return {**asked, "before": [], "environment": self.app.env_file}


@dataclass(frozen=True)
class Live:
    """The wanted release is live, and answers as a healthy one: here a run says how the releases it made have ended."""

    release: Release
    kind: ClassVar[str] = "outcome"

    @property
    def name(self) -> str:
        return f"{self.release.app.name} is live"

    def query(self) -> Json:
        return self.release.query()

    def differences(self, found: Json) -> Sequence[str]:
        refused = [f"GET {self.release.app.health}: {found['refusal']}"] if found["refusal"] else []
        return [*self.release.differences(found), *refused]

    def payload(self, found: Json) -> Json:
        differs = list(self.release.differences(found))
        return {"app": self.release.app.name, "source": self.release.wanted(found), "differs": differs}


RUNNING = ("active", "reloading")


def processes(app: App) -> list[Json]:
    """An app's processes as the box starts them; `kind` is web, worker, or alone: one of which only one may run."""
    return [
        {
            "unit": app.unit(process.name),
            "kind": "web" if process.web else "alone" if process.alone else "worker",
            "socket": process.name,
            "memory_mb": megabytes(process.typical),
        }
        for process in app.processes
    ]


def health(app: App) -> Json:
    """How the box asks an app whether it is healthy; None for an app without a web process."""
    web = next((process for process in app.processes if process.web), None)
    return web and {"process": web.name, "path": app.health, "host": app.domain}


def under_way(record: Json) -> str:
    """Who makes a release, since when, and how far it is."""
    return f"{record['name']} by {record['who']} since {record['time']} ({record['step']})"


def who() -> str:
    """Who asks for a release: the user and the machine, for its record."""
    try:
        return f"{getpass.getuser()}@{platform.node()}"
    except (KeyError, OSError):  # a user without a name, as in some containers
        return platform.node()


@functools.cache
def _identity(folder: Path) -> str:
    """Once per run: a run sees one version of the source, whatever is saved meanwhile."""
    return source.identity(folder)


def _folder(folder: Folder) -> Path:
    return Path(folder.path).resolve()
