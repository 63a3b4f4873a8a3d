"""What somebody should look at, of all that a box knows of itself: said by `boxkeeper status`, and by its alerts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = Any
FULL = 0.9
"""Of memory or disk, from which on it is worth a word."""
STALE, UNTRIED = 26 * 3600.0, 8 * 86400.0
"""Seconds after which a backup, and a drill, should have been followed by the next one: a day and a week, and some."""
UNPATCHED = 3 * 86400.0
"""Seconds without a look for updates, which is made each night."""
FIRST = 3600.0
"""Seconds that a new box has for its first backup, which begins after a minute."""


def troubles(found: Json) -> list[str]:
    """What somebody should look at, a sentence each."""
    box = found["box"]
    said = [f"{unit} is {state}" for unit, state in found["services"].items() if state != "active"]
    said += [f"{unit} has failed: `systemctl status {unit}`" for unit in box["failed"]]
    said += [
        f"{name} is {part / whole:.0%} full"
        for name in ("memory", "disk")
        for part, whole in [box[f"{name}_mb"]]
        if part > whole * FULL
    ]
    if box["inodes_free"] < 1 - FULL:
        said.append(f"only {box['inodes_free']:.0%} of the disk's inodes are free")
    for app in found["apps"]:
        said += [f"{unit} is {each['state']}" for unit, each in app["units"].items() if each["state"] != "active"]
        if app["release"] is None:
            said.append(f"{app['name']} is not on this box: `boxkeeper up ENV` brings it")
        elif app["health"]:
            said.append(
                f"{app['name']} is not healthy: {app['health']}; what it said: `boxkeeper logs ENV {app['name']}`"
            )
        if app["certificate"] and (left := app["certificate"]["days"]) < 14:
            said.append(f"the certificate of {app['name']} {'has expired' if left < 0 else f'ends in {left} days'}")
    if found["backups"]:
        said += backup_troubles(found["backups"], box["time"])
    if found["patches"]:
        said += patch_troubles(found["patches"])
    if box["reboot"]:
        said.append("an update wants a reboot")
    said += found["alerts"]
    return list(dict.fromkeys(said))


def backup_troubles(found: Json, now: float) -> Iterator[str]:
    """What is wrong with the backups of a box, each with the line to type."""
    made, drill, archiver = found["made"], found["drill"], found["archiver"]
    if made is None:
        if now - found["since"] > FIRST:
            yield "there is no backup yet: `boxkeeper backup now ENV` makes one"
        return
    for place, reason in made["failed"].items():
        yield f"the last backup failed at {place}: {reason}"
    if now - (made["good"] or 0) > STALE:
        age = f"is {span(now - made['good'])} old" if made["good"] else "was never made"
        yield f"the newest whole backup {age}: `boxkeeper backup now ENV`"
    if archiver and archiver["failed"]:
        yield "changes of PostgreSQL do not get to the backups: `journalctl -u 'postgresql@*'`"
    if drill and drill["fault"]:
        yield f"the last drill failed: {drill['fault']}"
    if made["first"] and now - ((drill and drill["good"]) or made["first"]) > UNTRIED:
        yield "no backup has been restored for a trial in 8 days: `boxkeeper backup drill ENV`"


def patch_troubles(found: Json) -> Iterator[str]:
    """What is wrong with the updates of a box."""
    if found["last"] and found["last"]["fault"]:
        yield f"the last updates failed: {found['last']['fault']}; again: `boxkeeper patch ENV`"
    if found["looked"] is not None and found["looked"] > UNPATCHED:
        yield f"no updates were asked for in {span(found['looked'])}: `boxkeeper patch ENV`"
    for name, held in found["held"].items():
        yield f"{name} is held below {held['version']}, with which this was so: {held['why']}"


def span(seconds: float) -> str:
    """A length of time in its largest unit."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
