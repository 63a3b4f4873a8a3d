"""What nginx has answered lately, from its access log: how much, how much of it failed, and how long it took."""

from __future__ import annotations

import math
import os
import re
from array import array
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

LOG = "/var/log/nginx/access.log"
LINE = re.compile(r'\S+ \[[^]]*\] (\S+) "[^"]*" (\d{3}) \d+ (\d+\.\d+) ')
"""Of the format in `templates/nginx/nginx.conf.j2`: site, status, seconds."""
MOST = 8 << 20
"""Bytes that are read of what came since the last look; of more only the end counts."""
SWITCHED = 101
"""The status of a WebSocket, whose line comes when it ends, with its whole life as its time."""


@dataclass
class Answers:
    """Of one site, between two looks."""

    failed: int = 0
    seconds: array[float] = field(default_factory=lambda: array("f"))


@dataclass(frozen=True)
class Sample:
    """Of the sites of one app together, over all looks that are remembered."""

    requests: int
    failed: int
    p95: float
    """Seconds that 95 of 100 answers took at most."""


class Traffic:
    """Follows the log, and remembers as many looks as it is told to."""

    def __init__(self, looks: int, path: str = LOG) -> None:
        self._path = path
        self._looks: deque[dict[str, Answers]] = deque(maxlen=looks)
        self._place = self._end()

    def look(self) -> None:
        """Read what is new."""
        self._looks.append(counted(self._new()))

    def of(self, sites: Collection[str]) -> Sample:
        """What these sites have answered."""
        found = [answers for look in self._looks for site, answers in look.items() if site in sites]
        seconds = sorted(each for answers in found for each in answers.seconds)
        p95 = seconds[math.ceil(0.95 * len(seconds)) - 1] if seconds else 0.0
        return Sample(len(seconds), sum(answers.failed for answers in found), p95)

    def _end(self) -> tuple[int, int]:
        """The file by its number, and where it ends."""
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return 0, 0
        return status.st_ino, status.st_size

    def _new(self) -> list[str]:
        """The whole lines since the last look; of a log that was begun anew, those of the new one."""
        (before, at), (now, end) = self._place, self._end()
        start = max(at if now == before and at <= end else 0, end - MOST)
        if end <= start:
            self._place = (now, end)
            return []
        with open(self._path, "rb") as file:
            file.seek(start)
            whole = file.read(end - start).rpartition(b"\n")[0]
        self._place = (now, start + len(whole) + 1 if whole else start)
        return whole.decode(errors="replace").splitlines()


def counted(lines: Iterable[str]) -> dict[str, Answers]:
    """The answers of each site. A WebSocket is none."""
    found: dict[str, Answers] = {}
    for line in lines:
        parts = LINE.match(line)
        if parts is None or int(parts[2]) == SWITCHED:
            continue
        answers = found.setdefault(parts[1], Answers())
        answers.seconds.append(float(parts[3]))
        answers.failed += int(parts[2]) >= 500
    return found
