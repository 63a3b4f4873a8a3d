"""Redis: which one is on the box, and the files of its instances."""

from __future__ import annotations

import re
from typing import Any

from onbox import files
from onbox.packages import STATUS

Json = Any


def observe(queries: list[list[str]]) -> list[Json]:
    version = _version()
    return [{"version": version, "files": found} for found in files.observe(queries)]


def _version() -> list[int] | None:
    """Major and minor, e.g. [7, 0]; None when it is not installed. dpkg's file is read: a process takes longer."""
    try:
        with open(STATUS, encoding="utf-8", errors="replace") as file:
            paragraph = file.read().partition("\nPackage: redis-server\n")[2].partition("\n\n")[0]
    except FileNotFoundError:
        return None
    found = re.search(r"^Version: (?:\d+:)?(\d+)\.(\d+)", paragraph, re.MULTILINE)
    return [int(part) for part in found.groups()] if found else None


def apply(payload: Json) -> None:
    files.apply(payload)
