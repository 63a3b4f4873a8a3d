"""What a user of the app would notice: page, API, WebSocket, redirect, and that no other name is answered."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException


@dataclass(frozen=True)
class Result:
    name: str
    ok: bool
    detail: str = ""


def probe(domain: str, address: str, port: int) -> list[Result]:
    """Try an app's site over TLS at `address:port`, as its clients do. The certificate may be self-signed."""
    checks: dict[str, Callable[[], str]] = {
        "page over HTTPS": lambda: _page(domain, address, port),
        "API, database and Redis": lambda: _health(domain, address, port),
        "WebSocket echo": lambda: _socket(domain, address, port),
        "another name is refused": lambda: _refused(address, port),
    }
    return [_try(name, check) for name, check in checks.items()]


def healthy(domain: str, path: str, address: str, port: int) -> Result:
    """Whether an app's health route says yes over TLS."""
    return _try(f"{domain}{path}", lambda: _health(domain, address, port, path))


def _try(name: str, check: Callable[[], str]) -> Result:
    started = time.monotonic()
    try:
        detail = check()
    except (OSError, asyncio.TimeoutError, httpx.HTTPError, WebSocketException, AssertionError) as error:
        return Result(name, False, str(error) or type(error).__name__)
    return Result(name, True, detail or f"{(time.monotonic() - started) * 1000:.0f} ms")


def _unverified() -> ssl.SSLContext:
    """The probe asks whether the site answers; whether its certificate is trusted is a question of its own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _get(domain: str, address: str, port: int, path: str) -> httpx.Response:
    with httpx.Client(verify=_unverified(), http2=True, timeout=10) as client:
        request = client.build_request("GET", f"https://{address}:{port}{path}", headers={"Host": domain})
        request.extensions["sni_hostname"] = domain
        return client.send(request)


def _page(domain: str, address: str, port: int) -> str:
    answer = _get(domain, address, port, "/")
    assert answer.status_code == 200, f"status {answer.status_code}"
    assert "<html" in answer.text.lower(), "no page"
    return answer.http_version


def _health(domain: str, address: str, port: int, path: str = "/api/health") -> str:
    answer = _get(domain, address, port, path)
    assert answer.status_code == 200, f"status {answer.status_code}: {answer.text[:200]}"
    return ""


def _socket(domain: str, address: str, port: int) -> str:
    heard = asyncio.run(_echo(f"wss://{domain}:{port}/ws", address))
    assert "hello" in heard, f"heard {heard[:80]}"
    return ""


async def _echo(url: str, address: str) -> str:
    """What comes back of a word. In one thread: Python's TLS can't bear two (CPython issue 151508)."""
    async with connect(url, host=address, ssl=_unverified(), open_timeout=10) as opened:
        await opened.send("hello")
        return str(await asyncio.wait_for(opened.recv(), 10))


def _refused(address: str, port: int) -> str:
    try:
        answer = _get("stranger.example.com", address, port, "/")
    except httpx.HTTPError:
        return ""
    raise AssertionError(f"status {answer.status_code}")
