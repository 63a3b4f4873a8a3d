"""pgBackRest: the backups of PostgreSQL in each repository, by number, as PostgreSQL's account."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from onbox import machine, postgres
from onbox.shell import Failed

Json = Any
STANZA = "main"
LONGEST = 6 * 3600.0
"""Seconds that a backup or a restore may take."""


def observe(queries: list[Json]) -> list[Json]:
    return [{"distro": machine.distro()} for _ in queries]


def run(*arguments: str) -> str:
    """What it prints; the last argument is the command. Raises Failed with the reason."""
    argv = ["pgbackrest", f"--stanza={STANZA}", *arguments]
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LONGEST,
            check=False,
            **postgres.ACCOUNT,
            env=postgres.ENVIRONMENT,
        )
    except (OSError, LookupError, subprocess.TimeoutExpired) as error:
        raise Failed(f"pgbackrest: {type(error).__name__}") from None
    said = done.stdout.decode(errors="replace")
    if done.returncode:
        raise Failed(f"pgbackrest {arguments[-1]}: {_reason(said + done.stderr.decode(errors='replace'))}")
    return said


def on_server(*arguments: str) -> str:
    """The same of a command that asks the running server."""
    cluster = postgres.only(postgres.clusters())
    where = [f"--pg1-path={cluster.data}", f"--pg1-port={cluster.port}", f"--pg1-socket-path={cluster.socket}"]
    return run(*where, *arguments)


def _reason(said: str) -> str:
    """Its first error; what comes after one is hints for all cases."""
    for line in said.splitlines():
        if "ERROR:" in line:
            return line.partition("ERROR:")[2].strip()
    return (said.strip().splitlines() or ["no reason given"])[-1]


def backup(repository: int, kind: str) -> str:
    """Make a backup, "full" or "incr". Returns its label."""
    on_server(f"--repo={repository}", f"--type={kind}", "backup")
    return str(backups(repository)[-1]["label"])


def backups(repository: int) -> list[Json]:
    """What is in a repository, the oldest first: each with "label", "type", "start", "stop", "bytes", "major"."""
    found = json.loads(run(f"--repo={repository}", "--output=json", "info"))
    return [
        {
            "label": one["label"],
            "type": one["type"],
            "start": one["timestamp"]["start"],
            "stop": one["timestamp"]["stop"],
            "bytes": one["info"]["size"],
            "major": next(db["version"] for db in stanza["db"] if db["id"] == one["database"]["id"]),
        }
        for stanza in found
        for one in stanza["backup"]
    ]


def verify(repository: int, chosen: Sequence[str] = ()) -> None:
    """Read a repository whole, or one backup and its WAL. Raises Failed for what is damaged or missing.

    Its exit code is 0 even then, as of version 2.45: what it says counts. Version 2.55 says nothing if all is well.
    """
    lines = [line.strip() for line in run(f"--repo={repository}", *chosen, "--output=text", "verify").splitlines()]
    if any(lines) and "status: ok" not in lines:
        raise Failed(f"pgbackrest verify: {'; '.join(line for line in lines if line)}")


def restore(repository: int, folder: str, target: Sequence[str], archive: str = "off") -> None:
    """Bring a backup into an empty folder of PostgreSQL's account, to be recovered to that target.

    `archive` is "off" for a copy, whose changes go nowhere, or "preserve".
    """
    run(f"--repo={repository}", f"--pg1-path={folder}", f"--archive-mode={archive}", *target, "restore")
