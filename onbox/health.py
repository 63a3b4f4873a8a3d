"""Whether an app is healthy, asked of the app itself through its Unix socket."""

from __future__ import annotations

import http.client
import socket
import time
from typing import Any

Json = Any
PATIENCE = 60.0
"""Seconds that a new release has to get healthy."""


def ask(health: Json) -> str:
    """Ask the app itself, through its socket, until it says yes. Returns why not."""
    deadline, reason = time.monotonic() + PATIENCE, "no answer"
    while time.monotonic() < deadline:
        connection = _Unix(health["socket"])
        try:
            connection.request("GET", health["path"], headers={"Host": health["host"]})
            answer = connection.getresponse()
            if answer.status < 400:
                return ""
            reason = f"{answer.status} {answer.read(300).decode(errors='replace')}"
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
        finally:
            connection.close()
        time.sleep(0.3)
    return reason


class _Unix(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
