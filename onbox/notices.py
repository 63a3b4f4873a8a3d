"""Notices: what was said of a box and is not over, so that it is said once."""

from __future__ import annotations

from typing import Any

from onbox import notes

Json = Any
KNOWN = "/run/boxkeeper-alerts/known.json"
HELD, OVER = 2, 8
"""Looks that something has to be past its limit before it is said, and within it before that is."""
AT_ONCE = ("down", "restarts", "trouble")
"""What is said at the first look that finds it: it has a length of time of its own."""


def changes(known: Json, now: Json) -> list[str]:
    """What to say after a look that found `now` as `past` does; `known` is what earlier ones have found, kept up."""
    says = []
    for key, (level, text) in now.items():
        entry = known.setdefault(key, {"seen": 0, "said": ""})
        entry.update(level=level, text=text, seen=entry["seen"] + 1, gone=0)
        patience = 1 if key.startswith(AT_ONCE) else HELD
        if entry["seen"] >= patience and entry["said"] not in (level, "critical"):
            says.append(f"{level}: {text}")
            entry["said"] = level
    for key in [key for key in known if key not in now]:
        entry = known[key]
        entry.update(seen=0, gone=entry.get("gone", 0) + 1)
        if entry["said"] and entry["gone"] < (HELD if key.startswith(AT_ONCE) else OVER):
            continue
        if entry["said"]:
            says.append(f"over: {entry['text']}")
        del known[key]
    return says


def said() -> list[str]:
    """What has been said and is not over, for `boxkeeper status`."""
    return [f"{entry['level']}: {entry['text']}" for entry in read()["known"].values() if entry["said"]]


def read() -> Json:
    """What is known, and what was said and could not be sent."""
    return notes.read(KNOWN) or {"known": {}, "unsent": []}


def write(state: Json) -> None:
    """Keep that for the next look, and for who asks."""
    notes.write(state, KNOWN)
