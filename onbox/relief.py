"""Relief: services that others have to end for, whoever starts them. It is forgotten at the next boot at the latest."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

UNITS = "/run/systemd/system"
GLANCE = 0.5
"""Seconds in which whoever has looked up where to connect to does it; and between two looks at who still is."""
UNIT = """[Service]
ExecStartPre=+/usr/bin/sleep {glance}
ExecStartPre=+-/usr/bin/systemctl stop -- {before}
TimeoutStartSec=infinity
"""


def demand(names: Iterable[str], before: Iterable[str]) -> None:
    """Let these services stop those before they start. systemd has to be told by a reload."""
    for name in names:
        os.makedirs(f"{UNITS}/{name}.d", mode=0o755, exist_ok=True)
        with open(f"{UNITS}/{name}.d/relief.conf", "w") as file:
            file.write(UNIT.format(glance=GLANCE, before=" ".join(before)))


def forget(names: Iterable[str]) -> bool:
    """Let them start as ever. Whether any did not, of which systemd has to be told by a reload."""
    folders = [folder for name in names if os.path.isdir(folder := f"{UNITS}/{name}.d")]
    for folder in folders:
        shutil.rmtree(folder)
    return bool(folders)
