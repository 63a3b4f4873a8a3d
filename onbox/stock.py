"""What is kept of an app's versions: the newest, what runs, and the builds that these are made of."""

from __future__ import annotations

import os
import shutil
from typing import Any

from onbox import records, slots
from onbox.links import target

Json = Any
KEEP = 5
"""Versions that stay on disk, the live one included; one that got other secrets is the same version."""
REMEMBERED = 30
"""Records that stay, those of failed releases included."""


def built(app: str) -> list[Json]:
    """The records whose build is there, whole."""
    known = records.every(app)
    return [each for each in known if each["built"] and os.path.isdir(f"{records.home(app)}/builds/{each['build']}")]


def build_of(app: str, source: str, recipe: str) -> str | None:
    """The newest build of this source that was made in this way."""
    alike = [each["build"] for each in built(app) if (each["source"], each["recipe"]) == (source, recipe)]
    return alike[-1] if alike else None


def is_whole(app: str, release: str) -> bool:
    """Whether a release is there with what it takes to be live again: its units and its build."""
    return all(os.path.isdir(f"{records.path(app, release)}/{part}") for part in ("units", "build"))


def prune(making: Json) -> None:
    """Remove releases of versions beyond the newest ones, and builds that no release has. Records stay for longer.

    `making` is the record of the release that is being made, which may know more than the one on disk.
    """
    app = making["app"]
    known = [making if each["name"] == making["name"] else each for each in records.every(app)]
    begun = [each["name"] for each in known if each["result"] is None]
    runs = {slot.release for slot in slots.every(app) if slot.release}
    kept = {*_newest(known), *begun, *runs}
    for each in known:
        if each["name"] not in kept:
            _forget(app, each["name"])
    for name in records.names(app)[:-REMEMBERED]:
        if name not in kept:
            shutil.rmtree(records.path(app, name))
    builds = [f"{records.path(app, name)}/build" for name in kept]
    # a page that was opened before a release asks for the hashed files of its own
    before = [f"{records.path(app, name)}/before" for name in runs]
    used = {os.path.basename(target(link) or "") for link in (*builds, *before)}
    for name in os.listdir(f"{records.home(app)}/builds"):
        if name not in used:
            shutil.rmtree(f"{records.home(app)}/builds/{name}")


def _newest(known: list[Json]) -> list[str]:
    """Of each of the newest versions the release that a rollback would go to: one that is like no other."""
    good = [each for each in known if each["result"] == "live"]
    versions = dict.fromkeys((each["build"], each["installed"]) for each in reversed(good))
    made = {(each["build"], each["installed"]): each["name"] for each in good if not each["like"]}
    return [made[version] for version in list(versions)[:KEEP] if version in made]


def _forget(app: str, release: str) -> None:
    """Leave nothing of a release but its record."""
    folder = records.path(app, release)
    for name in os.listdir(folder):
        if name == "units":
            shutil.rmtree(f"{folder}/{name}")
        elif name != "release.json":
            os.unlink(f"{folder}/{name}")
