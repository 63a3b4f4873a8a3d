"""Runs on a box as an account that owns nothing, and keeps all that it gets to read, until it is told to stop.

`spy.py FOLDER...`: command lines and environments of processes, and the files of these folders, looked at without rest:
one that anybody can read for a moment is found. Prints what it has read at its end. Standard library only.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator

MOST = 1 << 20
"""Bytes that it reads of a file."""
PAUSE = 0.1
"""Seconds between two rounds."""


def main() -> None:
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    read: set[bytes] = set()
    rounds = 0
    while not stopped:
        rounds += 1
        read.update(map(content, places()))
        time.sleep(PAUSE)
    sys.stdout.buffer.write(b"\n".join([f"{rounds} rounds".encode(), *read]))


def places() -> Iterator[str]:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        yield from (f"/proc/{pid}/cmdline", f"/proc/{pid}/environ")
    for folder in sys.argv[1:]:
        for where, _, names in os.walk(folder):
            yield from (os.path.join(where, name) for name in names)


def content(path: str) -> bytes:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            return file.read(MOST)
    except OSError:  # not for everybody, or gone
        return b""


main()
