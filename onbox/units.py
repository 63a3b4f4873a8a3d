"""systemd units: enabled, running, and running with the files that are there now."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from typing import Any

from onbox.journal import last_lines
from onbox.shell import Failed, run, said

Json = Any
JOB = 3600.0
"""Seconds that systemd may take for a restart. It ends each by itself, after the unit's own deadlines: a worker may get
ten minutes to finish what it is doing."""
STAMPS = "/var/lib/boxkeeper/units"
STATE = "Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload"


def observe(queries: list[list[Json]]) -> list[list[Json]]:
    names = list(dict.fromkeys(unit["name"] for units in queries for unit in units))
    shown = show(names, STATE)
    return [[_found(unit, shown) for unit in units] for units in queries]


def show(names: list[str], properties: str) -> dict[str, dict[str, str]]:
    """Properties of units, as systemd names and words them."""
    if not names:
        return {}
    shown = said(["systemctl", "show", f"--property={properties}", "--", *names])
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.strip().split("\n\n")]
    return dict(zip(names, blocks, strict=False))


def processes(names: Sequence[str]) -> dict[str, list[str]]:
    """By unit the numbers of its processes; of those that run."""
    groups = {unit: shown.get("ControlGroup") for unit, shown in show(list(names), "ControlGroup").items()}
    return {unit: _words(f"/sys/fs/cgroup{group}/cgroup.procs") for unit, group in groups.items() if group}


def _words(path: str) -> list[str]:
    try:
        with open(path) as file:
            return file.read().split()
    except OSError:
        return []


def _found(unit: Json, shown: dict[str, dict[str, str]]) -> Json:
    block = shown.get(unit["name"], {})
    return {
        "active": block.get("ActiveState", "unknown"),
        "enabled": block.get("UnitFileState", ""),
        "stale": block.get("NeedDaemonReload") == "yes",
        "current": digest(unit["watch"], unit["live"]),
        "loaded": stamped(unit["name"], unit["watch"]) if unit["watch"] or unit["live"] else digest([], []),
    }


def digest(watch: list[str], live: list[str]) -> str:
    """One hash of everything a unit has been started with."""
    total = hashlib.sha256()
    for path in watch:
        if os.path.islink(path):  # `current`: which release it is, not what is in it
            total.update(os.readlink(path).encode())
            continue
        try:
            with open(path, "rb") as file:
                total.update(hashlib.sha256(file.read()).digest())
        except (FileNotFoundError, IsADirectoryError):
            total.update(b"-")
    if live:
        total.update(said(live).encode())
    return total.hexdigest()


def stamped(name: str, watch: Sequence[str] = ()) -> str:
    """The digest that a unit was last started with, or "" where that is not known.

    It is not known when a watched file was touched since, although it may be the same again: somebody may have started
    the unit with another one in between.
    """
    try:
        with open(os.path.join(STAMPS, name)) as file:
            made, value = os.fstat(file.fileno()).st_mtime_ns, file.read()
    except FileNotFoundError:
        return ""
    touched = [os.lstat(path).st_ctime_ns for path in watch if os.path.lexists(path)]
    return value if max(touched, default=0) <= made else ""


def stamp(name: str, value: str) -> None:
    os.makedirs(STAMPS, mode=0o700, exist_ok=True)
    temporary = os.path.join(STAMPS, f".{name}")
    with open(temporary, "w") as file:
        file.write(value)
    os.rename(temporary, os.path.join(STAMPS, name))


def apply(payload: list[Json]) -> None:
    run(["systemctl", "daemon-reload"])
    for unit in payload:
        _settle(unit)


def _settle(unit: Json) -> None:
    name = unit["name"]
    verb = "enable" if unit["enabled"] else "disable"
    if show([name], STATE)[name].get("UnitFileState") not in ("static", "alias", "generated", "indirect", "transient"):
        run(["systemctl", verb, name])
    if unit["state"] == "inactive":
        run(["systemctl", "stop", name])
    if unit["state"] != "active":
        return
    found = _found(unit, show([name], STATE))
    before = digest(unit["watch"], [])
    run(["systemctl", "reset-failed", name], ok=(0, 1))
    if found["active"] not in ("active", "reloading"):
        # one that is just being started has read its files as they were, and may fail with them
        do("restart" if found["active"] == "activating" else "start", name)
    elif found["loaded"] != found["current"]:
        do(unit["verb"], name)
    if digest(unit["watch"], []) == before:
        stamp(name, digest(unit["watch"], unit["live"]))


def do(verb: str, name: str) -> None:
    """Start, restart or reload, and see that it stays up: `systemctl start` returns 0 for a unit that dies at once."""
    failure, started = "", time.time()
    try:
        run(["systemctl", verb, name], timeout=JOB)
    except Failed as failed:
        failure = str(failed)
    deadline = time.monotonic() + 20
    while not failure:
        state = show([name], STATE)[name].get("ActiveState", "unknown")
        if state in ("active", "reloading"):
            return
        if state == "failed" or time.monotonic() > deadline:
            failure = f"{name} is {state} after {verb}"
        time.sleep(0.2)
    raise Failed(f"{failure}; its last lines:\n{last_lines(name, started)}")
