"""Whether an app is healthy, asked of the app itself through its Unix socket."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from typing import Any

from onbox import slots
from onbox.journal import last_lines
from onbox.masks import masked
from onbox.shell import Failed, said
from onbox.slots import Slot
from onbox.units import processes

Json = Any
PATIENCE = 60.0
"""Seconds that an app has to get healthy after a start."""
GLANCE = 3.0
"""Seconds that one answer may take where nothing was changed."""
ANSWER = 10.0
"""The same of a version that has just started."""
DEATHS = 3
"""Restarts by systemd after which waiting longer is no use."""
HEARD = 10.0
"""Seconds after which a program that takes no connection may be one that listens elsewhere."""


def observe(queries: list[Json]) -> list[str]:
    return [_live(query["app"]) for query in queries]


def _live(app: str) -> str:
    slot = slots.live(app)
    if slot is None:
        return "no release is live"
    asked = door(slot)
    return _refusal(asked, GLANCE) if asked else ""


def apply(payload: Json) -> None:
    """Wait until what is live of an app is healthy. Raises Failed with its own last lines when it does not get so."""
    slot = slots.live(payload["app"])
    if slot is None:
        raise Failed("no release is live")
    asked = door(slot)
    if asked and (reason := wait(asked)):
        raise Failed(masked(explained(reason, asked, time.time() - PATIENCE), payload["app"]))


def door(slot: Slot) -> Json:
    """How the version in a slot is asked whether it is healthy; None where there is nobody to ask."""
    wanted = slot.record.get("health")
    if not wanted:
        return None
    return {**wanted, "socket": slot.socket(wanted["process"]), "units": slot.services("web")}


def wait(health: Json) -> str:
    """Ask the app until it says yes, has died too often, or time is up. Returns why not, or ""."""
    deadline, before = time.monotonic() + PATIENCE, _deaths(health["units"])

    def dies() -> bool:
        return _deaths(health["units"]) - before >= DEATHS

    while True:
        reason = _refusal(health, ANSWER, dies)
        if not reason:
            return ""
        if dies():
            return "it ends right after it starts"
        elsewhere = _listens_elsewhere(health["units"]) if time.monotonic() > deadline - PATIENCE + HEARD else ""
        if elsewhere and "timed out" in reason:
            return elsewhere
        if time.monotonic() > deadline:
            return f"GET {health['path']}: {reason}"
        time.sleep(0.3)


def explained(reason: str, health: Json, since: float) -> str:
    """A reason with the app's own last lines since a time (seconds, as time.time() counts)."""
    words = "\n".join(last_lines(unit, since) for unit in health["units"])
    return f"{reason}; its last lines:\n{words}"


def _deaths(units: list[str]) -> int:
    """How often systemd has started these units again by itself."""
    shown = said(["systemctl", "show", "--property=NRestarts", "--value", "--", *units])
    return sum(int(number) for number in shown.split() if number.isdigit())


def _listens_elsewhere(units: list[str]) -> str:
    """What to write where a program opened a TCP port of its own instead of taking the socket that it is handed."""
    pids = {pid for each in processes(units).values() for pid in each}
    for line in said(["ss", "-Hltnp"]).splitlines():
        if any(f"pid={pid}," in line for pid in pids):
            port = line.split()[3].rpartition(":")[2]
            return f"it listens on TCP port {port}, and requests come by the socket that it is handed: `uvicorn --fd 3`"
    return ""


def _refusal(health: Json, seconds: float, vain: Callable[[], bool] = lambda: False) -> str:
    """Why an app does not answer as a healthy one, or "". By hand: http.client takes 7 ms to import in every run.

    systemd takes the connection of a program that ends before it does; `vain` is asked meanwhile whether to wait on.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(seconds)
            link.connect(health["socket"])
            request = f"GET {health['path']} HTTP/1.1\r\nHost: {health['host']}\r\nConnection: close\r\n\r\n"
            link.sendall(request.encode())
            deadline = time.monotonic() + seconds
            while not select.select([link], [], [], min(0.5, seconds))[0]:
                if vain() or time.monotonic() > deadline:
                    return "timed out"
            head, _, body = link.makefile("rb").read(4000).partition(b"\r\n\r\n")
    except OSError as error:
        return str(error) or type(error).__name__
    status = [*head.split(), b"", b""][1].decode(errors="replace")
    if status.isdigit() and 200 <= int(status) < 400:
        return ""
    return f"{status or 'no answer'} {body[:300].decode(errors='replace')}".strip()
