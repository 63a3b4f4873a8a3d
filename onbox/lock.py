"""Lock: programs that do the same follow each other. The kernel lets go of the lock of one that dies."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator


@contextlib.contextmanager
def alone(path: str) -> Iterator[None]:
    """Wait until nobody else has this file."""
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
