"""Renewal: what still runs files that were replaced comes to run those of now, and nobody who is connected notices.

nginx and the apps hand over to a second copy, as for a release; everything else is restarted.
"""

from __future__ import annotations

from onbox import nginx, outdated, releases, slots, units
from onbox.slots import Slot


def renew() -> list[str]:
    """Returns which services it was, apps after what they need; without those that only a reboot starts again.

    Raises Failed for one that does not come back.
    """
    nginx.let_first_end()  # of a handover that was cut off
    slotted = slots.services()
    old = sorted(_old(slotted), key=lambda unit: (unit in slotted, unit))
    for unit in old:
        if unit == nginx.UNIT:
            nginx.renew()
        elif unit not in slotted:
            units.do("restart", unit)
    for app in dict.fromkeys(slotted[unit].app for unit in old if unit in slotted):
        releases.renew(app)
    return old


def _old(slotted: dict[str, Slot]) -> list[str]:
    """Without what runs to an end by itself, and what somebody has just begun."""
    shown = units.show(outdated.services(), "ActiveState,Transient,Type")
    lasting = [unit for unit, each in shown.items() if _lasts(each) and unit not in outdated.REBOOT]
    return [unit for unit in lasting if not _ends(unit, slotted)]


def _lasts(shown: dict[str, str]) -> bool:
    return (shown["ActiveState"], shown["Transient"]) == ("active", "no") and shown["Type"] != "oneshot"


def _ends(unit: str, slotted: dict[str, Slot]) -> bool:
    """Whether it has handed over already, and is there for what is still open."""
    if unit == nginx.UNIT:
        return not outdated.runs_old(str(nginx.master()))
    return unit in slotted and slotted[unit] != slots.live(slotted[unit].app)
