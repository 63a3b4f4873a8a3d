"""certbot in an environment of its own: distributions' versions know neither ARI nor the shorter lifetimes to come."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import sys
from typing import Any

from onbox import venvs
from onbox.shell import run

Json = Any
LINK = "/opt/boxkeeper/certbot"
PROGRAM = f"{LINK}/bin/certbot"


def observe(queries: list[str]) -> list[bool]:
    """Whether certbot is there, made of exactly the wanted packages; asked by the hash of their list."""
    return [os.path.realpath(LINK) == _place(wanted) and os.path.exists(PROGRAM) for wanted in queries]


def _place(wanted: str) -> str:
    # An environment is bound to the Python it was made by: a new release of the distribution brings another.
    return f"{LINK}-{wanted[:12]}-{sys.version_info[0]}.{sys.version_info[1]}"


def apply(requirements: str) -> None:
    """Make it beside the old one, see that it starts, and only then switch: there is always a whole one or none."""
    place = _place(hashlib.sha256(requirements.encode()).hexdigest())
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(os.path.dirname(place), mode=0o755, exist_ok=True)
    lock = f"{place}.txt"
    with open(lock, "w") as file:
        file.write(requirements)
    venvs.make(place, lock)
    run([f"{place}/bin/certbot", "--version"])
    fresh = f"{LINK}.new"
    if os.path.lexists(fresh):
        os.unlink(fresh)
    os.symlink(place, fresh)
    os.rename(fresh, LINK)
    for old in glob.glob(f"{LINK}-*"):
        if old != place:
            shutil.rmtree(old, ignore_errors=True) if os.path.isdir(old) else os.unlink(old)
