"""Patches: the box's packages are upgraded, what runs old files starts again, and every app answers as before.

An upgrade after which one does not is taken back, and the package that did it is found and held.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from typing import Any

from onbox import backups, lock, notes, outdated, packages, patched, probes, renewal, told, upgrades
from onbox.journal import last_lines
from onbox.patched import HOME, REBOOTING, report
from onbox.shell import Failed
from onbox.shell import run as sh
from onbox.upgrades import Upgrade

Json = Any
CONFIG = "/etc/boxkeeper/patches.json"
SOON = 3.0
"""Seconds until a reboot, in which whoever waits is told of it."""
START = 300.0
"""Seconds that everything has to get well after a reboot."""


def observe(queries: list[Json]) -> list[Json]:
    """What there is to upgrade by the lists of now, where that is asked, and what was done last and when."""
    done = patched.state()
    return [{"pending": upgrades.pending(query["updates"]) if query["updates"] else [], **done} for query in queries]


def apply(payload: Json) -> None:
    """Have it done in a unit of its own, which goes on when the connection is lost. Raises Failed with its words."""
    unit, started = f"boxkeeper-patch@{payload['when']}.service", time.time()
    try:
        sh(["systemctl", "start", unit], timeout=6 * 3600)
    except Failed as failed:
        raise Failed(last_lines(unit, started).strip() or str(failed)) from None


def now() -> None:
    """Do it, with a reboot where an update needs one and this is within the window; the timer starts it there."""
    _run(reboots=False)


def reboot() -> None:
    """Do it, with a reboot where an update needs one, whenever this is."""
    _run(reboots=True)


def _run(reboots: bool) -> None:
    with open(CONFIG) as file:
        what = json.load(file)
    os.makedirs(HOME, mode=0o700, exist_ok=True)
    with lock.alone(f"{HOME}/lock"), backups.alone():
        found: Json = {"began": time.time(), "changed": [], "restarted": [], "held": {}, "reboot": "", "fault": ""}
        before: dict[str, str] = {}
        try:
            before = _patch(what, found)
            if outdated.wants_reboot():
                reboots |= what["reboot"] and is_within(what["window"], time.gmtime())
                found["reboot"] = "now" if reboots else "waits"
        except Failed as failed:
            found["fault"] = str(failed)
        if found["reboot"] != "now":
            _finish(what, found)
            return
        notes.write({"before": before, "record": found}, REBOOTING)
        soon = [f"--on-active={SOON:.0f}", "--timer-property=AccuracySec=100ms"]
        sh(["systemd-run", "--quiet", *soon, "systemctl", "reboot"])
        print("\n".join([*report(found), f"reboots in {SOON:.0f} s"]))


def _patch(what: Json, found: Json) -> dict[str, str]:
    """Returns how everything was before. Raises Failed where it can't begin, or something does not get well again."""
    packages.wait_for_first_boot()
    packages.wait_for_locks()
    packages.heal()
    upgrades.back()  # of one that was cut off before it was seen that everything is well
    packages.refresh()
    upgrades.release()
    found["restarted"] = renewal.renew()
    asked, before = upgrades.pending(what["updates"]), probes.probe(what["apps"])
    found["ill"] = sorted(name for name, fault in before.items() if fault)
    if asked:
        upgrades.keep(asked)
        found["changed"] = [list(each[:3]) for each in _attempt(what, before, asked, found)]
        upgrades.forget()
        upgrades.drop_kernels()
    return before


def _attempt(what: Json, before: dict[str, str], asked: Sequence[Upgrade], found: Json) -> list[Upgrade]:
    """Upgrade all that leaves everything well; hold what does not. Returns what was upgraded."""
    fault = _fault(what, before, asked, found)
    if not fault:
        upgrades.accept()
        return list(asked)
    upgrades.back()
    found["restarted"] += renewal.renew()
    if left := probes.settle(what["apps"], before):
        names = ", ".join(each.name for each in asked)
        raise Failed(f"with the earlier versions of {names} back, it is still not well: {'; '.join(left)}")
    together = upgrades.groups(asked)
    if len(together) == 1:
        upgrades.hold(asked, fault)
        found["held"].update({each.name: [each.new, fault] for each in asked})
        print(f"held {', '.join(each.name for each in asked)}: {fault}", flush=True)
        return []
    middle = len(together) // 2
    halves = [[each for group in half for each in group] for half in (together[:middle], together[middle:])]
    return [each for half in halves for each in _attempt(what, before, half, found)]


def _fault(what: Json, before: dict[str, str], asked: Sequence[Upgrade], found: Json) -> str:
    """What is worse after an upgrade, "" where nothing is."""
    print(f"upgrading {', '.join(each.name for each in asked)}", flush=True)
    try:
        upgrades.install(asked, what["updates"])
        found["restarted"] += renewal.renew()
    except Failed as failed:
        return f"it does not install: {str(failed).splitlines()[-1].strip()}"
    return "; ".join(probes.settle(what["apps"], before))


def is_within(window: Sequence[int], at: time.struct_time) -> bool:
    """Whether a time is in a window of [begin, end] in minutes of a day, which may go past midnight."""
    begin, end = window
    return (at.tm_hour * 60 + at.tm_min - begin) % 1440 < (end - begin) % 1440


def booted() -> None:
    """See that everything is as well as before the reboot, and finish the record."""
    with open(CONFIG) as file:
        what = json.load(file)
    kept = notes.read(REBOOTING)
    found, left = kept["record"], probes.settle(what["apps"], kept["before"], START)
    found["reboot"] = f"{time.time() - found['began']:.0f} s"
    found["fault"] = f"after the reboot: {'; '.join(left)}" if left else ""
    os.remove(REBOOTING)
    _finish(what, found)


def _finish(what: Json, found: Json) -> None:
    """Write it down and, where something changed or failed, say so. Raises Failed where something did."""
    found["ended"] = time.time()
    patched.add(found)
    said = report(found)
    if what["webhook"] and (
        found["changed"] or found["held"] or found["fault"] or found["reboot"] not in ("", "waits")
    ):
        try:
            told.post(what["webhook"], "\n".join([f"{what['host']}:", *said]))
        except Failed as failed:
            print(f"the webhook: {failed}", flush=True)
    print("\n".join(said), flush=True)
    if found["fault"]:
        raise Failed("the box is not patched")
