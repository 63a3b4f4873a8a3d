"""What the process counts about itself."""

from __future__ import annotations

import os
import time
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send


class Metrics:
    """Counts since the process started."""

    def __init__(self) -> None:
        self.requests = 0
        self.in_flight = 0
        self.sockets = 0
        self._started = time.monotonic()

    def as_json(self) -> dict[str, object]:
        """Counts, uptime in seconds, and resident memory in bytes."""
        return {
            "active_connections": self.sockets,
            "requests_in_flight": self.in_flight,
            "total_requests": self.requests,
            "uptime_seconds": round(time.monotonic() - self._started, 3),
            "memory_bytes": _resident_bytes(),
        }


class Counting:
    """Counts requests and open sockets around an app; plain ASGI, so that streams pass through untouched."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the call on, counted by its kind."""
        kind = scope["type"]
        sockets, requests = int(kind == "websocket"), int(kind == "http")
        self._metrics.sockets += sockets
        self._metrics.requests += requests
        self._metrics.in_flight += requests
        try:
            await self._app(scope, receive, send)
        finally:
            self._metrics.sockets -= sockets
            self._metrics.in_flight -= requests


def _resident_bytes() -> int:
    # The second number of statm is resident pages: proc_pid_statm(5).
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
