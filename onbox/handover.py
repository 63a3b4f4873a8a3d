"""The handover from the version that is live to a new one: beside it, or in its place where memory is short."""

from __future__ import annotations

import time
from typing import Any

from onbox import health, machine, records, slots, units
from onbox.journal import last_lines
from onbox.shell import Failed
from onbox.slots import Slot

Json = Any
RESERVE_MB = 64
"""Memory that a second copy of an app leaves to others."""
STEADY = 3.0
"""Seconds that a worker has to stay up before it counts as one that runs."""
IN_PLACE = "restart in place: no memory for two copies; requests wait, open WebSockets are closed"


def go_live(record: Json) -> None:
    """Start the new version, and send everybody to it once it is healthy. Raises Failed when it does not get so."""
    now = slots.live(record["app"])
    if now is not None and not _has_room(now, record):
        _in_place(now, record)
    else:
        _beside(now, record)


def _has_room(now: Slot, record: Json) -> bool:
    """Whether a second copy fits into memory: as much as is declared, or as much as the one that runs takes."""
    declared = sum(process["memory_mb"] for process in record["processes"])
    shown = units.show(now.services(), "MemoryCurrent").values()
    used = sum(int(each["MemoryCurrent"]) >> 20 for each in shown if each.get("MemoryCurrent", "").isdigit())
    return machine.available_mb() > max(int(declared), used) + RESERVE_MB


def _beside(now: Slot | None, record: Json) -> None:
    slot = slots.free(record["app"])
    records.step(record, "start")
    slots.fill(slot, record["name"])
    try:
        slots.start([*slot.sockets, *slot.services("web")])
        _answers(slot, record)
        slots.start(slot.services("worker"))
        if now is not None:
            slots.stop(now.services("alone"))
        slots.start(slot.services("alone"))
        _stays_up(slot, record)
    except Failed as failed:
        slots.empty(slot)
        goes_on = "the one before it goes on" if now else "nothing is live"  # what was stopped of it, `settle` starts
        raise Failed(f"{record['name']} did not get healthy; {goes_on}\n{failed}") from None
    slots.prove(slot)
    records.step(record, "live")
    slots.switch(slot)


def _in_place(now: Slot, record: Json) -> None:
    """Where memory is short: the new version starts when the one that runs has ended. Requests wait at its socket.

    Nobody comes to the old socket by then: uvicorn, told to end, closes what it has accepted and not yet read.
    """
    before = now.release
    assert before is not None
    record["how"] = "in place"
    records.step(record, IN_PLACE)
    slot = slots.free(record["app"])
    slots.fill(slot, record["name"])
    slots.relieve(slot, now)
    try:
        slots.start(slot.services("web"))
        slots.empty(now)
        slots.start(slot.services("worker", "alone"))
        _answers(slot, record)
        _stays_up(slot, record)
    except Failed as failed:
        slots.empty(now)
        slots.fill(slot, before)
        slots.restart(slot)
        raise Failed(f"{record['name']} did not get healthy; the one before it is back\n{failed}") from None
    slots.prove(slot)


def _answers(slot: Slot, record: Json) -> None:
    """Wait until the version in a slot is healthy. Raises Failed with its own words when it does not get so."""
    door = health.door(slot)
    if door and (reason := health.wait(door)):
        raise Failed(health.explained(reason, door, record["started"]))


def _stays_up(slot: Slot, record: Json) -> None:
    """See that processes which nobody asks do not end right after they start."""
    others = slot.services("worker", "alone")
    if others:
        time.sleep(STEADY)
    for unit, shown in units.show(others, "NRestarts,ActiveState").items():
        if shown.get("NRestarts", "0") != "0" or shown.get("ActiveState") != "active":
            raise Failed(f"{unit} ends right after it starts; its last lines:\n{last_lines(unit, record['started'])}")
