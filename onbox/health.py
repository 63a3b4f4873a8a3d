"""Whether an app is healthy, asked of the app itself through its Unix socket."""

from __future__ import annotations

import socket
import time
from typing import Any

from onbox.journal import last_lines
from onbox.shell import Failed, said

Json = Any
PATIENCE = 60.0
"""Seconds that an app has to get healthy after a start."""
GLANCE = 3.0
"""Seconds that one answer may take where nothing was changed."""
DEATHS = 3
"""Restarts by systemd after which waiting longer is no use."""


def observe(queries: list[Json]) -> list[str]:
    return [_refusal(health, GLANCE) for health in queries]


def apply(payload: Json) -> None:
    """Wait until an app is healthy. Raises Failed with its own last lines when it does not get so."""
    reason = wait(payload)
    if reason:
        raise Failed(explained(reason, payload, time.time() - PATIENCE))


def wait(health: Json) -> str:
    """Ask the app until it says yes, has died too often, or time is up. Returns why not, or ""."""
    deadline, before = time.monotonic() + PATIENCE, _deaths(health["units"])
    while True:
        reason = _refusal(health, 10)
        if not reason:
            return ""
        if _deaths(health["units"]) - before >= DEATHS:
            return "it ends right after it starts"
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


def _refusal(health: Json, seconds: float) -> str:
    """Why an app does not answer as a healthy one, or "". By hand: http.client takes 7 ms to import in every run."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(seconds)
            link.connect(health["socket"])
            request = f"GET {health['path']} HTTP/1.1\r\nHost: {health['host']}\r\nConnection: close\r\n\r\n"
            link.sendall(request.encode())
            head, _, body = link.makefile("rb").read(4000).partition(b"\r\n\r\n")
    except OSError as error:
        return str(error) or type(error).__name__
    status = [*head.split(), b"", b""][1].decode(errors="replace")
    if status.isdigit() and 200 <= int(status) < 400:
        return ""
    return f"{status or 'no answer'} {body[:300].decode(errors='replace')}".strip()
