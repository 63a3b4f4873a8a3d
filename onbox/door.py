"""A door before a program that has no lock of its own: what carries the token goes through, everything else is refused.

`serve` runs inside a unit with `PrivateNetwork=yes`: the program listens on a loopback that only this unit has, and the
door on the socket that systemd hands over, which is in the box's own network.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import signal
import socket
from typing import Any

from onbox.shell import Failed

Json = Any
HEADERS = (b"x-chroma-token", b"authorization")
LONGEST_HEAD = 64 << 10
HEAD_SECONDS = 30.0
"""Seconds that a client has to say what it wants."""
START_SECONDS = 90.0
"""Seconds that the program has to get ready: it may have much to read."""
REFUSED = b'{"error":"AuthError","message":"the token is missing or wrong: send CHROMA_TOKEN as X-Chroma-Token"}'


def serve(path: str) -> None:
    """Run the program that a file describes, and the door before it, until told to stop."""
    with open(path) as file:
        settings = json.load(file)
    asyncio.run(_serve(settings, socket.socket(fileno=3)))


async def _serve(settings: Json, listening: socket.socket) -> None:
    program = await asyncio.create_subprocess_exec(*settings["command"], stdout=asyncio.subprocess.DEVNULL)
    ended = asyncio.create_task(program.wait())
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, _stop, program)
    if not await _ready(settings, ended):
        _stop(program)
        raise Failed(f"{settings['command'][0]} does not answer at {settings['ready']}")
    door = Door(settings["tokens"], settings["port"])
    server = await asyncio.start_server(door.answer, sock=listening, limit=LONGEST_HEAD)
    _notify("READY=1")
    code = await ended
    server.close()
    if code not in (0, -signal.SIGTERM):
        raise Failed(f"{settings['command'][0]} ended with code {code}")


def _stop(program: asyncio.subprocess.Process) -> None:
    _notify("STOPPING=1")
    with contextlib.suppress(ProcessLookupError):
        program.terminate()


async def _ready(settings: Json, ended: asyncio.Task[int]) -> bool:
    """Wait until the program answers, has ended, or time is up."""
    for _ in range(int(START_SECONDS * 20)):
        if ended.done():
            return False
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            if await asyncio.wait_for(_asked(settings["port"], settings["ready"]), 5):
                return True
        await asyncio.sleep(0.05)
    return False


async def _asked(port: int, path: str) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    status = await reader.readline()
    writer.close()
    return b" 200 " in status


def _notify(state: str) -> None:
    """Tell systemd, as sd_notify(3) does."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.connect("\0" + address[1:] if address.startswith("@") else address)
            link.send(state.encode())


class Door:
    """Answers connections: one request each, so that every request shows a token.

    `tokens` is a file of the SHA-256 of each that opens, one a line, read each time: two while one is rotated.
    """

    def __init__(self, tokens: str, port: int) -> None:
        self._tokens = tokens
        self._port = port

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read the head of a request; carry it and what follows to the program, and its answer back."""
        with contextlib.suppress(OSError, EOFError, asyncio.LimitOverrunError, asyncio.TimeoutError):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS)
            if self.lets_in(head):
                await self._carry(one_only(head), reader, writer)
            else:
                writer.write(_refusal())
                await writer.drain()
        writer.close()

    def lets_in(self, head: bytes) -> bool:
        """Whether the head of a request carries a token: as `X-Chroma-Token: T` or `Authorization: Bearer T`."""
        given = [value for name, value in _fields(head) if name in HEADERS]
        tokens = [value[7:].strip() if value[:7].lower() == b"bearer " else value for value in given]
        with open(self._tokens) as file:
            wanted = file.read().split()
        hashes = [hashlib.sha256(token).hexdigest() for token in tokens]
        return any(hmac.compare_digest(each, opens) for each in hashes for opens in wanted)

    async def _carry(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outward = await asyncio.open_connection("127.0.0.1", self._port)
        outward.write(head)
        asking = asyncio.create_task(_pump(reader, outward))
        await _pump(inner, writer)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        outward.close()


def one_only(head: bytes) -> bytes:
    """The head of a request that ends its connection: a second one would not have shown the token."""
    first, *lines = head[:-4].split(b"\r\n")
    kept = [line for line in lines if line.partition(b":")[0].strip().lower() not in (b"connection", b"keep-alive")]
    return b"\r\n".join([first, *kept, b"Connection: close", b"", b""])


def _fields(head: bytes) -> list[tuple[bytes, bytes]]:
    lines = [line.partition(b":") for line in head[:-4].split(b"\r\n")[1:]]
    return [(name.strip().lower(), value.strip()) for name, _, value in lines]


def _refusal() -> bytes:
    lines = ["HTTP/1.1 401 Unauthorized", "Content-Type: application/json", "WWW-Authenticate: Bearer"]
    return "\r\n".join([*lines, f"Content-Length: {len(REFUSED)}", "Connection: close", "", ""]).encode() + REFUSED


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes until the sender has no more, no faster than the taker takes them."""
    with contextlib.suppress(OSError):
        while piece := await reader.read(LONGEST_HEAD):
            writer.write(piece)
            await writer.drain()
