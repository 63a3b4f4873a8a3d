"""Probes: what a user of the apps would notice, tried on the box itself before and after a change of it."""

from __future__ import annotations

import base64
import http.client
import os
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any

from onbox import health, postgres
from onbox.shell import Failed

Json = Any
SECONDS = 10.0
"""For one answer."""
PATIENCE = 60.0
"""Seconds that everything has to get as well as it was."""


def probe(apps: list[Json]) -> dict[str, str]:
    """By what was tried the reason why it is not well, "" where it is."""
    return {name: fault for app in apps for name, fault in _app(app).items()}


def worse(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What was well before and is not now, with the reason. What was not well before is no fault of a change."""
    return [f"{name}: {fault}" for name, fault in now.items() if fault and not before.get(name)]


def settle(apps: list[Json], before: Mapping[str, str], seconds: float = PATIENCE) -> list[str]:
    """What is still worse than before when it had time to get well again."""
    until = time.monotonic() + seconds
    while (left := worse(before, probe(apps))) and time.monotonic() < until:
        time.sleep(1)
    return left


def _app(app: Json) -> dict[str, str]:
    name = app["name"]
    found = {f"{name}: health": health.observe([{"app": name}])[0]}
    if app["domain"]:
        found[f"https://{app['domain']}{app['page']}"] = _page(app["domain"], app["page"])
        found.update({f"wss://{app['domain']}{path}": _websocket(app["domain"], path) for path in app["websockets"]})
    if app["database"]:
        found[f"{name}: database"] = _database(app["database"])
    if app["redis"]:
        found[f"{name}: Redis"] = _redis(app["redis"])
    return found


def _page(domain: str, path: str) -> str:
    return _status(domain, path, {})


def _websocket(domain: str, path: str) -> str:
    """An app may want to know who it is first: that is an answer, too."""
    key = base64.b64encode(os.urandom(16)).decode()
    asked = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}
    return _status(domain, path, asked)


def _status(domain: str, path: str, headers: Mapping[str, str]) -> str:
    """Why a request over TLS is not answered, or by an error of the server's.

    Whether the certificate is good is a question of its own, and no update changes it.
    """
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection(("127.0.0.1", 443), timeout=SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=domain) as link,
        ):
            connection = http.client.HTTPConnection(domain)
            connection.sock = link
            connection.request("GET", path, headers=dict(headers))
            status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    return f"status {status}" if status >= 500 else ""


def _database(name: str) -> str:
    try:
        return "" if postgres.only(postgres.clusters()).ask("SELECT 1", database=name).strip() == "1" else "no answer"
    except Failed as failed:
        return str(failed)


def _redis(port: int) -> str:
    """To a stranger it says that they may not come in, which is as good an answer as any."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as link:
            link.sendall(b"PING\r\n")
            said = link.recv(100)
    except OSError as error:
        return str(error) or type(error).__name__
    return "" if said.startswith((b"+PONG", b"-NOAUTH")) else said.decode(errors="replace").strip()
