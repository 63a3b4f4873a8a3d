"""Records of releases: what each was made of, by whom, and how it ended. They outlive the release itself."""

from __future__ import annotations

import os
from typing import Any

from onbox import notes

Json = Any
APPS = "/srv"


def home(app: str) -> str:
    """The folder of an app."""
    return f"{APPS}/{app}"


def path(app: str, release: str) -> str:
    """The folder of a release."""
    return f"{home(app)}/releases/{release}"


def names(app: str) -> list[str]:
    """The names of an app's releases, the oldest first: they begin with their time."""
    try:
        return sorted(os.listdir(f"{home(app)}/releases"))
    except OSError:
        return []


def read(app: str, release: str) -> Json:
    """What is known of a release; None where that is nothing."""
    return notes.read(f"{path(app, release)}/release.json")


def every(app: str) -> list[Json]:
    """All records of an app, the oldest first."""
    return [record for name in names(app) if (record := read(app, name))]


def write(record: Json) -> None:
    """Keep a record. It has a hash of the environment, by which a guess at a short secret could be checked."""
    notes.write(record, f"{path(record['app'], record['name'])}/release.json")


def step(record: Json, doing: str) -> None:
    """Say what a release does now, in its record and in its journal."""
    record["step"] = doing
    write(record)
    print(f"{record['name']}: {doing}", flush=True)
