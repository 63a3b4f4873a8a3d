"""Notes: what a program writes down for the next one, whole or not at all, and for root alone."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

Json = Any


def read(path: str) -> Json:
    """What is written there; None where nothing is, or nothing that can be read."""
    with contextlib.suppress(OSError, ValueError), open(path) as file:
        return json.load(file)
    return None


def write(found: Json, path: str) -> None:
    """Write that down."""
    with open(os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(found, file, indent=1)
    os.replace(f"{path}.new", path)
