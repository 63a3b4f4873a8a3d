"""Services that still run files which were replaced, as an upgrade of a library leaves them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

from onbox import machine, units

FILES = ("/usr/", "/lib", "/bin/", "/sbin/", "/opt/")
REBOOT = ("dbus.service", "dbus-broker.service", "systemd-logind.service")
"""What everything else hangs on: only a reboot starts these again without harm."""


def services() -> list[str]:
    """Those with a process that runs a file which is not there any more.

    Not by needrestart: on an overlay file system it takes every file for another one, and asks for 7 s.
    """
    numbers = [number for number in os.listdir("/proc") if number.isdigit()]
    return sorted({unit for number in numbers if runs_old(number) and (unit := _unit(number))})


def runs_old(process: str) -> bool:
    """Whether a process, by its number, runs such a file."""
    with contextlib.suppress(OSError), open(f"/proc/{process}/maps", errors="replace") as file:  # it may end meanwhile
        return is_outdated(file)
    return False


def is_outdated(mapped: Iterable[str]) -> bool:
    """Whether lines of a process's maps (proc_pid_maps(5)) name code of a file that was deleted."""
    parts = (line.split(None, 5) for line in mapped)
    code = (part[5].rstrip("\n") for part in parts if len(part) == 6 and "x" in part[1])
    return any(path.startswith(FILES) and path.endswith(" (deleted)") for path in code)


def _unit(process: str) -> str:
    with contextlib.suppress(OSError), open(f"/proc/{process}/cgroup") as file:
        return unit_of(file.read())
    return ""


def unit_of(cgroup: str) -> str:
    """The service of a process from its control group (cgroups(7), version 2); "" of one that is in none of ours."""
    path = cgroup.strip().rpartition("::")[2].split("/")
    services = [name for name in path if name.endswith(".service")]
    return services[0] if services and "user.slice" not in path else ""


def left() -> list[str]:
    """Those that only a reboot starts again."""
    running = units.processes(REBOOT).items()
    return [unit for unit, pids in running if any(map(runs_old, pids))]


def wants_reboot() -> bool:
    """Whether an update is not in force before one."""
    return machine.wants_reboot() or bool(left())
