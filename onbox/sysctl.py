"""Kernel settings by their names, where a `*` stands for every network interface."""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Mapping, Sequence

HOME = "/proc/sys"


def shown(name: str) -> str | None:
    """A setting as it is, with `*` all values there are; None where this box can't change it (a container)."""
    return " and ".join(sorted({" ".join(value.split()) for value in values([name]).values()})) or None


def values(names: Sequence[str]) -> dict[str, str]:
    """By their files, the values of those that this box can change."""
    found = {}
    for path in (path for name in names for path in glob.glob(f"{HOME}/{name.replace('.', '/')}")):
        with contextlib.suppress(OSError), open(path, "r+") as file:  # an interface may be gone by now
            found[path] = file.read()
    return found


def write(found: Mapping[str, str]) -> None:
    """Give settings the values that they had."""
    for path, value in found.items():
        with contextlib.suppress(OSError), open(path, "w") as file:
            file.write(value)
