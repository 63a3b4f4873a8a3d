"""Who on the box still has a value: processes, in their environment, and sessions of the login that it belongs to."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from onbox import postgres, records, slots
from onbox.slots import Slot

Json = Any


def observe(queries: list[Json]) -> list[list[Json]]:
    """For each {"value", "variables", "login"}, whose login may be None, every {"who", "connections", "seconds"} of it.

    With variables it is looked for in these alone: two keys may be the same word. Without any it is looked for all over
    an environment, as in a URL. `who` is a unit; connections, and seconds until its time is up, are those of one that
    serves what is still open.
    """
    environments, ending = list(_environments()), dict(_ending())
    return [[_holder(who, ending.get(who)) for who in dict.fromkeys(_have(query, environments))] for query in queries]


def _have(query: Json, environments: list[tuple[str, bytes]]) -> Iterator[str]:
    yield from (_unit(pid) for pid, held in environments if _has(held, query["value"], query["variables"]))
    if query["login"] and postgres.sessions(query["login"]):
        yield f"sessions of {query['login']} in Postgres"


def _has(held: bytes, value: str, variables: list[str]) -> bool:
    """Whether an environment has a value in one of these variables, or anywhere."""
    if variables:
        return any(f"{name}={value}".encode() in held.split(b"\0") for name in variables)
    return value.encode() in held or quote(value, safe="").encode() in held


def _environments() -> Iterator[tuple[str, bytes]]:
    """Each process, and what it was started with."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                held = file.read()
        except OSError:  # it has ended
            continue
        if held:
            yield pid, held


def _unit(pid: str) -> str:
    """The unit of a process, from its control group."""
    try:
        with open(f"/proc/{pid}/cgroup") as file:
            return os.path.basename(file.read().splitlines()[-1].rpartition(":")[2]) or f"process {pid}"
    except (OSError, IndexError):
        return f"process {pid}"


def _ending() -> Iterator[tuple[str, Slot]]:
    """The units of versions that were live and still serve what was open then."""
    for app in os.listdir(records.APPS):
        for slot in slots.every(app):
            if slots.ends(slot):
                yield from ((unit, slot) for unit in slot.units)


def _holder(who: str, slot: Slot | None) -> Json:
    if slot is None:
        return {"who": who, "connections": None, "seconds": None}
    left = max(0.0, slots.ends(slot) - time.time())
    return {"who": who, "connections": slots.connections(slot), "seconds": left}
