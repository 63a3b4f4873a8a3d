"""How big the box is."""

from __future__ import annotations

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
