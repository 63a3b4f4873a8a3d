"""Patched: what was written down of updates, and said of it."""

from __future__ import annotations

import os
import time
from typing import Any

from onbox import notes

Json = Any
HOME = "/var/lib/boxkeeper/patches"
RECORDS = f"{HOME}/records.json"
HELD = f"{HOME}/held.json"
"""By package the version that is kept away, and why."""
REBOOTING = f"{HOME}/rebooting.json"
"""What was well before a reboot that is under way."""
KEPT = 50
"""Records."""


def state() -> Json:
    """What is held, the last record, None where there is none, and how many seconds ago that began."""
    last = (records() or [None])[-1]
    return {
        "last": last,
        "looked": time.time() - last["began"] if last else None,
        "held": held(),
        "under_way": os.path.exists(REBOOTING),
    }


def records() -> list[Json]:
    """Of each time something was done, the newest last."""
    found: list[Json] = notes.read(RECORDS) or []
    return found


def add(record: Json) -> None:
    """Write one more down."""
    notes.write([*records(), record][-KEPT:], RECORDS)


def held() -> dict[str, Json]:
    """By package the version that is kept away, and why."""
    found: dict[str, Json] = notes.read(HELD) or {}
    return found


def keep_away(kept: dict[str, Json]) -> None:
    """Write down what is held."""
    notes.write(kept, HELD)


def report(found: Json) -> list[str]:
    """A record in lines for people."""
    seconds = found.get("ended", time.time()) - found["began"]
    lines = [f"{len(found['changed'])} packages upgraded in {seconds:.0f} s"]
    lines += [f"  {name} {old} -> {new}" for name, old, new in found["changed"]]
    lines += [f"held {name} below {new}: {why}" for name, (new, why) in found["held"].items()]
    lines += [f"restarted {', '.join(dict.fromkeys(found['restarted']))}"] if found["restarted"] else []
    lines += [f"was not well before: {', '.join(found['ill'])}"] if found.get("ill") else []
    if found["reboot"] == "waits":
        lines.append("an update wants a reboot, which waits for the window: `boxkeeper patch ENV --reboot` does it now")
    elif found["reboot"] not in ("", "now"):
        lines.append(f"rebooted; everything was back {found['reboot']} after the beginning")
    return [*lines, *([f"failed: {found['fault']}"] if found["fault"] else [])]
