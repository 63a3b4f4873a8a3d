"""What apps and the box are measured by: how long an app is down, how it answers, what it takes."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from onbox import health, machine, postgres, slots, units
from onbox.shell import Failed
from onbox.traffic import Traffic

Json = Any
LOOKS = 20
"""Looks that a rate is taken over."""
FEW = 20
"""Requests within them below which a rate says nothing."""
DAY = 86400.0
"""Seconds that a restart counts."""
CONNECTIONS = """
SELECT json_object_agg(name, times)
    FROM (SELECT coalesce(datname, '') AS name, count(*) AS times FROM pg_stat_activity GROUP BY 1) AS each
"""


class Measures:
    """Measures, and what they remember from one look to the next."""

    def __init__(self) -> None:
        self._traffic = Traffic(LOOKS)
        self._connections: dict[str, int] = {}
        self._units: dict[str, list[str]] = {}
        self._shown: dict[str, dict[str, str]] = {}
        self._down: dict[str, float] = {}
        self._used: dict[str, deque[tuple[float, float]]] = {}
        self._starts: dict[str, int] = {}
        self._ended: dict[str, list[float]] = {}

    def look(self, apps: list[Json]) -> None:
        """See what there is of all apps: one question for all of their units."""
        self._traffic.look()
        live = {app["name"]: slots.live(app["name"]) for app in apps}
        self._units = {name: slot.services() if slot else [] for name, slot in live.items()}
        named = [unit for each in self._units.values() for unit in each]
        named += [app["redis"] for app in apps if app["redis"]]
        self._shown = units.show(named, "MemoryCurrent,CPUUsageNSec,NRestarts")
        counted = any(app[level]["connections"] is not None for app in apps for level in ("warning", "critical"))
        self._connections = _connections() if counted else {}

    def app(self, app: Json) -> tuple[dict[str, float], str]:
        """What the limits of an app are compared with, and why it is down."""
        name, [why] = app["name"], health.observe([{"app": app["name"]}])
        shown = {unit: self._shown.get(unit, {}) for unit in self._units[name]}
        answers = self._traffic.of(app["sites"])
        values: dict[str, float] = {
            "down": self._since(name, bool(why)),
            "memory": sum(_number(each, "MemoryCurrent") for each in shown.values()) / (1 << 20),
            "cpu": self._rate(name, sum(_number(each, "CPUUsageNSec") for each in shown.values()) / 1e9),
            "restarts": self._restarts(name, {unit: int(_number(each, "NRestarts")) for unit, each in shown.items()}),
            "connections": self._connections.get(app["database"], 0),
            "redis": _number(self._shown.get(app["redis"], {}), "MemoryCurrent") / (1 << 20),
        }
        if answers.requests >= FEW:
            values.update(errors=answers.failed / answers.requests, p95=answers.p95)
        return values, why

    def box(self) -> tuple[dict[str, float], str]:
        """The same of the box."""
        busy = self._rate("the box", machine.busy_seconds()) / (os.cpu_count() or 1)
        return {"busy": min(busy, 1.0), "full": 1 - machine.available_mb() / machine.memory_mb()}, ""

    def _since(self, name: str, is_down: bool) -> float:
        """Seconds that it has been down."""
        if not is_down:
            self._down.pop(name, None)
            return 0.0
        return time.monotonic() - self._down.setdefault(name, time.monotonic())

    def _rate(self, name: str, used: float) -> float:
        """CPUs, from seconds of them. These begin at zero with another release, and the rate is known a while later."""
        kept = self._used.setdefault(name, deque(maxlen=LOOKS + 1))
        if kept and used < kept[-1][1]:
            kept.clear()
        kept.append((time.monotonic(), used))
        (first, before), (last, now) = kept[0], kept[-1]
        return (now - before) / (last - first) if len(kept) > LOOKS else 0.0

    def _restarts(self, name: str, counts: Mapping[str, int]) -> int:
        """How often systemd has started its units again within a day, as far as that was watched."""
        new = sum(max(0, count - self._starts.get(unit, count)) for unit, count in counts.items())
        self._starts.update(counts)
        recent = [moment for moment in self._ended.get(name, []) if time.time() - moment < DAY]
        self._ended[name] = [*recent, *[time.time()] * new]
        return len(self._ended[name])


def _connections() -> dict[str, int]:
    """How many there are to each database."""
    with contextlib.suppress(Failed, ValueError):
        found: dict[str, int] = json.loads(postgres.only(postgres.clusters()).ask(CONNECTIONS))
        return found
    return {}


def _number(shown: Mapping[str, str], name: str) -> float:
    """A property of a unit; 0 for `[not set]`, of one that does not run."""
    value = shown.get(name, "")
    return float(value) if value.isdigit() else 0.0
