"""The box itself: what it is, its name, clock and swap."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from typing import Any

from onbox import machine, packages
from onbox.shell import Failed, run, said

Json = Any
SWAP = "/swapfile"
CLOCKS = {
    "chrony": ("/usr/sbin/chronyd", "chrony.service"),
    "ntpsec": ("/usr/sbin/ntpd", "ntpsec.service"),
    "timesyncd": ("/lib/systemd/systemd-timesyncd", "systemd-timesyncd.service"),
}
"""Programs that keep the time, and their units."""


def observe(queries: list[Json]) -> list[Json]:
    return [
        {
            **system(),
            "hostname": platform.node(),
            "timezone": _link_end("/etc/localtime", "zoneinfo/"),
            "locale": machine.setting("/etc/default/locale", "LANG"),
            "swap_mb": machine.swap_mb(),
            "clock": _clock(),
        }
        for _ in queries
    ]


def system() -> Json:
    return {
        "distro": machine.distro(),
        "machine": platform.machine(),
        "ram_mb": machine.memory_mb(),
        "writable": os.access("/etc", os.W_OK) and not os.statvfs("/").f_flag & os.ST_RDONLY,
        "container": machine.is_container(),
    }


def _link_end(path: str, after: str) -> str:
    return os.path.realpath(path).partition(after)[2]


def _clock() -> str:
    """Which program keeps the time: "" for none, "chrony stopped" for one that does not.

    They exclude each other as packages, so the one that is there stays. In a container they are enabled and refuse to
    start, because the time is its host's: an unmet condition is no fault.
    """
    name = next((name for name, (program, _) in CLOCKS.items() if os.path.exists(program)), "")
    if not name:
        return ""
    shown = said(["systemctl", "show", CLOCKS[name][1], "--property=ActiveState,UnitFileState,ConditionResult"])
    runs = "ActiveState=active" in shown or "ConditionResult=no" in shown
    return name if runs and "UnitFileState=enabled" in shown else f"{name} stopped"


def apply(payload: Json) -> None:
    if "hostname" in payload:
        _name(payload["hostname"])
    if "timezone" in payload:
        _replace_link("/etc/localtime", f"/usr/share/zoneinfo/{payload['timezone']}")
    if "locale" in payload:
        with open("/etc/default/locale", "w") as file:
            file.write(f"LANG={payload['locale']}\n")
    if "clock" in payload:
        _keep_time(payload["clock"])
    if "swap_mb" in payload:
        _swap(payload["swap_mb"])


def _keep_time(name: str) -> None:
    program, unit = CLOCKS[name]
    if not os.path.exists(program):
        packages.apply({"install": [f"systemd-{name}"], "remove": []})
    run(["systemctl", "enable", "--now", unit])


def _name(hostname: str) -> None:
    # Written in place: in a container both are mounts, which can't be replaced.
    with open("/etc/hostname", "w") as file:
        file.write(f"{hostname}\n")
    run(["hostname", hostname])
    with open("/etc/hosts") as file:
        known = hostname in file.read().split()
    if not known:
        with open("/etc/hosts", "a") as file:
            file.write(f"127.0.1.1 {hostname}\n")


def _replace_link(path: str, to: str) -> None:
    temporary = f"{path}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    os.symlink(to, temporary)
    os.rename(temporary, path)


def _swap(size: int) -> None:
    """A swap file, made beside its place and moved there, so that one cut off is never used."""
    fresh = f"{SWAP}.new"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        os.posix_fallocate(file.fileno(), 0, size * 2**20)
    run(["mkswap", fresh])
    os.rename(fresh, SWAP)
    # Before it is switched on, so that a run cut off in between leaves no swap that is gone after a reboot.
    with open("/etc/fstab", "r+") as table:
        if SWAP not in table.read():
            table.write(f"{SWAP} none swap sw,nofail 0 0\n")
    if subprocess.run(["swapon", SWAP], capture_output=True, check=False).returncode != 0:
        os.unlink(SWAP)
        raise Failed("this box refuses a swap file; add `swap_mb=0` to its Base(...)")
