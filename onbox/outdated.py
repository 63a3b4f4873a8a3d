"""Services that still run files which were replaced, as an upgrade of a library leaves them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from glob import glob

from onbox import machine, units

FILES = ("/usr/", "/lib", "/bin/", "/sbin/", "/opt/")
REBOOT = ("dbus.service", "dbus-broker.service", "systemd-logind.service")
"""What everything else hangs on: only a reboot starts these again without harm."""


def services() -> list[str]:
    """Those with a process that runs a file which is not there any more.

    Not by needrestart: on an overlay file system it takes every file for another one, and asks for 7 s.
    """
    return sorted({unit for maps in glob("/proc/[0-9]*/maps") if _is_outdated(maps) and (unit := _unit(maps))})


def _is_outdated(maps: str) -> bool:
    with contextlib.suppress(OSError), open(maps, errors="replace") as file:  # a process may end meanwhile
        return is_outdated(file)
    return False


def is_outdated(mapped: Iterable[str]) -> bool:
    """Whether lines of a process's maps (proc_pid_maps(5)) name code of a file that was deleted."""
    parts = (line.split(None, 5) for line in mapped)
    code = (part[5].rstrip("\n") for part in parts if len(part) == 6 and "x" in part[1])
    return any(path.startswith(FILES) and path.endswith(" (deleted)") for path in code)


def _unit(maps: str) -> str:
    with contextlib.suppress(OSError), open(f"{os.path.dirname(maps)}/cgroup") as file:
        return unit_of(file.read())
    return ""


def unit_of(cgroup: str) -> str:
    """The service of a process from its control group (cgroups(7), version 2); "" of one that is in none of ours."""
    path = cgroup.strip().rpartition("::")[2].split("/")
    services = [name for name in path if name.endswith(".service")]
    return services[0] if services and "user.slice" not in path else ""


def restart() -> list[str]:
    """Start these again, apps after what they need, and return them; less those that `left` names.

    Raises Failed for one that does not come back.
    """
    shown = _running()
    again = sorted(set(shown) - set(REBOOT), key=lambda unit: ("boxkeeper-" in shown[unit]["Slice"], unit))
    for unit in again:
        units.do("restart", unit)
    return again


def left() -> list[str]:
    """Those that only a reboot starts again."""
    running = units.processes(REBOOT).items()
    return [unit for unit, pids in running if any(_is_outdated(f"/proc/{pid}/maps") for pid in pids)]


def wants_reboot() -> bool:
    """Whether an update is not in force before one."""
    return machine.wants_reboot() or bool(left())


def _running() -> dict[str, dict[str, str]]:
    """What is known of them; without what runs to an end by itself, and what somebody has just begun."""
    shown = units.show(services(), "ActiveState,Transient,Type,Slice")
    return {
        unit: each
        for unit, each in shown.items()
        if (each["ActiveState"], each["Transient"]) == ("active", "no") and each["Type"] != "oneshot"
    }
