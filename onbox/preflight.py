"""What a run will meet on this box: asked before it, and nothing is changed."""

from __future__ import annotations

import re
import shutil
import time
from typing import Any

from onbox import host, machine
from onbox.shell import said

Json = Any


def observe(queries: list[Json]) -> list[Json]:
    return [
        {
            **host.system(),
            "disk_free_mb": shutil.disk_usage("/").free >> 20,
            "time": time.time(),
            "inodes_free": machine.inodes_free(),
            "listening": listening(said(["ss", "-Hltnp"])),
            "addresses": addresses(said(["ip", "-o", "addr", "show", "scope", "global"])),
            "locked": _locked(),
        }
        for _ in queries
    ]


def listening(shown: str) -> dict[str, str]:
    """Who holds which TCP port, from what `ss -Hltnp` prints: {"80": "nginx"}."""
    found = {}
    for line in shown.splitlines():
        columns = line.split()
        program = re.search(r'users:\(\("([^"]+)"', line)
        found[columns[3].rpartition(":")[2]] = program[1] if program else "unknown"
    return found


def addresses(shown: str) -> list[str]:
    """The box's own addresses, from what `ip -o addr` prints."""
    return [line.split()[3].partition("/")[0] for line in shown.splitlines()]


def _locked() -> str:
    """Who holds apt's lock now; "" where nobody does."""
    return said(["fuser", "/var/lib/dpkg/lock-frontend"]).strip()
