"""How the box and its apps are: everything for one screen, and nothing is changed."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from typing import Any

from onbox import (
    backups,
    certificates,
    drill,
    health,
    machine,
    notes,
    notices,
    outdated,
    patched,
    postgres,
    releases,
    slots,
    units,
)
from onbox.shell import Failed, said

Json = Any
SHOWN = "ActiveState,SubState,ActiveEnterTimestampMonotonic,MemoryCurrent,MemoryMax,NRestarts"

ARCHIVER = """
SELECT json_build_object('last', extract(epoch FROM last_archived_time),
    'failed', CASE WHEN last_failed_time > coalesce(last_archived_time, '-infinity')
              THEN extract(epoch FROM last_failed_time) END) FROM pg_stat_archiver
"""
"""When a piece of WAL went to the repositories last, and when that failed, where it has not gone well since."""


def observe(queries: list[Json]) -> list[Json]:
    return [
        {
            "box": _box(),
            "services": _services(query["services"]),
            "backups": _backups() if query["backups"] else None,
            "patches": patched.state() if query["patches"] else None,
            "apps": _apps(query["apps"]),
            "alerts": notices.said(),
        }
        for query in queries
    ]


def _box() -> Json:
    disk = shutil.disk_usage("/")
    memory = _memory()
    failed = said(["systemctl", "list-units", "--failed", "--plain", "--no-legend"])
    return {
        "time": time.time(),
        "up": _up(),
        "load": os.getloadavg()[0],
        "cpus": os.cpu_count(),
        "memory_mb": [memory["MemTotal"] - memory["MemAvailable"], memory["MemTotal"]],
        "swap_mb": [memory["SwapTotal"] - memory["SwapFree"], memory["SwapTotal"]],
        "disk_mb": [disk.used >> 20, (disk.used + disk.free) >> 20],
        "inodes_free": machine.inodes_free(),
        "reboot": outdated.wants_reboot(),
        "failed": [line.split()[0] for line in failed.splitlines() if line],
    }


def _memory() -> Mapping[str, int]:
    with open("/proc/meminfo") as file:
        return {line.split(":")[0]: int(line.split()[1]) >> 10 for line in file if line.split()[2:] == ["kB"]}


def _up() -> float:
    with open("/proc/uptime") as file:
        return float(file.read().split()[0])


def _services(names: list[str]) -> Json:
    return {unit: shown["ActiveState"] for unit, shown in units.show(names, SHOWN).items()}


def _backups() -> Json:
    """What was written down of the last backup and drill, and whether changes of PostgreSQL go away from the box."""
    try:
        archiver = json.loads(postgres.only(postgres.clusters()).ask(ARCHIVER))
    except (Failed, ValueError):
        archiver = None
    made, tried = backups.record(), notes.read(drill.RECORD)
    return {"since": backups.since(), "made": made, "drill": tried, "archiver": archiver}


def _apps(apps: list[Json]) -> list[Json]:
    return [_app(app) for app in apps]


def _app(app: Json) -> Json:
    slot = slots.live(app["name"])
    return {
        "name": app["name"],
        "units": {unit: _unit(shown) for unit, shown in units.show(slot.services() if slot else [], SHOWN).items()},
        "release": (slot and slot.record) or None,
        "ending": [_ending(other) for other in slots.every(app["name"]) if slots.ends(other)],
        "under_way": releases.under_way(app["name"]),
        "health": health.observe([{"app": app["name"]}])[0],
        "certificate": _certificate(app["site"]) if app["site"] else None,
    }


def _ending(slot: slots.Slot) -> Json:
    """A version that was live and still serves what was open then."""
    left = slots.ends(slot) - time.time()
    return {"release": slot.release, "connections": slots.connections(slot), "seconds": max(0, left)}


def _unit(shown: Mapping[str, str]) -> Json:
    since = int(shown.get("ActiveEnterTimestampMonotonic") or 0) / 1e6
    return {
        "state": shown.get("ActiveState", "unknown"),
        "seconds": _up() - since if shown.get("ActiveState") == "active" else None,
        "memory_mb": [_megabytes(shown.get(name, "")) for name in ("MemoryCurrent", "MemoryMax")],
        "restarts": int(shown.get("NRestarts") or 0),
    }


def _megabytes(value: str) -> int | None:
    return int(value) >> 20 if value.isdigit() else None


def _certificate(site: Json) -> Json:
    """Days left, and whether a CA's is there; None where the file can't be read."""
    file = os.path.join(certificates.HOME, site["name"], "fullchain.pem")
    ends = said(["openssl", "x509", "-noout", "-enddate", "-in", file]).strip().partition("=")[2]
    try:
        left = time.mktime(time.strptime(ends, "%b %d %H:%M:%S %Y %Z")) - time.timezone - time.time()
    except ValueError:
        return None
    return {"days": int(left // 86400), "self_signed": certificates.is_own(site)}
