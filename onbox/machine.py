"""What the box is: its distribution, and how big it is."""

from __future__ import annotations

import contextlib
import glob
import os


def memory_mb() -> int:
    """Memory in MB, as the kernel has it or the container is allowed it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        with open("/sys/fs/cgroup/memory.max") as file:
            memory = min(memory, int(file.read()))
    except (OSError, ValueError):  # no such file at the root of the hierarchy; `max` where nothing limits it
        pass
    return memory >> 20


def distro() -> str:
    """Its distribution and release, e.g. `debian 13`."""
    return f"{setting('/etc/os-release', 'ID')} {setting('/etc/os-release', 'VERSION_ID')}"


def setting(path: str, name: str) -> str:
    """A value of a file of lines `NAME=value`; "" where there is none."""
    with contextlib.suppress(OSError), open(path) as file:
        for line in file:
            key, _, value = line.strip().partition("=")
            if key == name:
                return value.strip("\"'")
    return ""


def swap_mb() -> int:
    return _meminfo_mb("SwapTotal")


def available_mb() -> int:
    """Memory that a program can have without anybody else's being swapped out, as the kernel estimates it."""
    return _meminfo_mb("MemAvailable")


def busy_seconds() -> float:
    """Seconds that its CPUs have worked since its start, all of them together."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, *interrupts = map(int, file.readline().split()[1:8])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def _meminfo_mb(name: str) -> int:
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith(f"{name}:"))


def inodes_free() -> float:
    """The part of the disk's inodes that is free; a full disk may have room and none of these."""
    nodes = os.statvfs("/")
    return nodes.f_favail / nodes.f_files if nodes.f_files else 1.0  # btrfs counts none


def wants_reboot() -> bool:
    """Whether an update asks for one, as Ubuntu's do; Debian's kernels don't, but are newer than the last start."""
    with open("/proc/stat") as file:
        start = next(int(line.split()[1]) for line in file if line.startswith("btime "))
    kernels = [os.stat(path).st_ctime for path in glob.glob("/boot/vmlinuz-*")]
    return os.path.exists("/run/reboot-required") or max(kernels, default=0.0) > start


def is_container() -> bool:
    return os.path.exists("/run/systemd/container")
