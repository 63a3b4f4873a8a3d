"""A small app whose every answer says its version: what a release is watched by. ASGI, without a framework."""

import asyncio
from pathlib import Path
from typing import Any

VERSION = Path("VERSION").read_text().strip()
PAUSE = 0.02
"""Seconds that an answer takes: there are always some open when a version ends."""

if VERSION == "dying":
    raise SystemExit("this version ends right after it starts")


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await _answer(scope, receive, send)
    elif scope["type"] == "websocket":
        await _echo(receive, send)


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await asyncio.sleep(PAUSE)
    healthy = VERSION != "broken" or scope["path"] != "/health"
    await send({"type": "http.response.start", "status": 200 if healthy else 500})
    await send({"type": "http.response.body", "body": f"{VERSION} {scope['method']} {size}".encode()})


async def _echo(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        else:
            await send({"type": "websocket.send", "text": f"{VERSION} {message['text']}"})
