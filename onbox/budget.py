"""How big the box is, how much of its disk is free, and which of the things that take disk are there already."""

from __future__ import annotations

import os
import shutil
from typing import Any

from onbox import machine

Json = Any


def observe(queries: list[list[str]]) -> list[Json]:
    disk = shutil.disk_usage("/")
    return [
        {
            "ram_mb": machine.memory_mb(),
            "swap_mb": machine.swap_mb(),
            "disk_mb": disk.total >> 20,
            "free_mb": disk.free >> 20,
            "container": machine.is_container(),
            "there": [path for path in paths if os.path.lexists(path)],
        }
        for paths in queries
    ]
