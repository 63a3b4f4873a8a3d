"""The door before a program without a lock: a request with the token goes through, any other ends there."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from onbox.door import Door, one_only

TOKEN = "t" * 40
HASH = hashlib.sha256(TOKEN.encode()).hexdigest()
OPEN = f"GET /x HTTP/1.1\r\nHost: a\r\nX-Chroma-Token: {TOKEN}\r\n\r\n".encode()

Ask = Callable[[bytes], bytes]


class Behind(http.server.BaseHTTPRequestHandler):
    """A program that says what it was asked, and counts."""

    protocol_version = "HTTP/1.1"
    asked: list[str]

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        sent = json.dumps({"connection": self.headers["Connection"], "path": self.path}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(len(body)).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    """The file of what opens."""
    file = tmp_path / "tokens"
    file.write_text(f"{HASH}\n")
    return file


@pytest.fixture
def ask(tokens: Path) -> Iterator[Ask]:
    """Send bytes through a door with a program behind it; what comes back until the connection ends."""
    Behind.asked = []
    program = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Behind)
    threading.Thread(target=program.serve_forever, daemon=True).start()
    listening = socket.create_server(("127.0.0.1", 0))
    door = Door(str(tokens), program.server_address[1])
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(asyncio.start_server(door.answer, sock=listening), loop).result()

    def ask(sent: bytes) -> bytes:
        with socket.create_connection(listening.getsockname(), timeout=10) as link:
            link.sendall(sent)
            return b"".join(iter(lambda: link.recv(1 << 16), b""))

    yield ask
    loop.call_soon_threadsafe(loop.stop)
    program.shutdown()


@pytest.mark.parametrize(
    "header", [f"X-Chroma-Token: {TOKEN}", f"authorization:Bearer {TOKEN}", f"X-CHROMA-TOKEN:{TOKEN}"]
)
def test_the_token_opens_in_each_way_that_clients_send_it(ask: Ask, header: str) -> None:
    assert b'"path": "/x"' in ask(f"GET /x HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n".encode())


def test_a_token_opens_from_the_moment_on_that_it_is_in_the_file_and_no_longer(ask: Ask, tokens: Path) -> None:
    other = f"{hashlib.sha256(b'other').hexdigest()}\n"
    opened = OPEN.replace(TOKEN.encode(), b"other")
    assert b"401" in ask(opened)
    tokens.write_text(f"{HASH}\n{other}")
    assert b'"path": "/x"' in ask(opened)
    assert b'"path": "/x"' in ask(OPEN)
    tokens.write_text(other)
    assert b'"path": "/x"' in ask(opened)
    assert b"401" in ask(OPEN)


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "X-Chroma-Token: \r\n",
        f"X-Chroma-Token: {TOKEN[:-1]}\r\n",
        f"X-Chroma-Token: {TOKEN}x\r\n",
        f"X-Chroma-Token: {HASH}\r\n",
        f"Authorization: Basic {TOKEN}\r\n",
        f"X-Other: {TOKEN}\r\n",
        f"X-Other: a\nX-Chroma-Token: {TOKEN}\r\n",
    ],
)
def test_anything_else_is_refused_and_never_reaches_the_program(ask: Ask, lines: str) -> None:
    answer = ask(f"GET /api/v2/heartbeat HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "AuthError"
    assert Behind.asked == []


def test_a_second_request_on_the_connection_is_not_answered(ask: Ask) -> None:
    # by whatever shares a connection with the app, but not the token
    assert ask(OPEN + b"GET /second HTTP/1.1\r\nHost: a\r\n\r\n").count(b"HTTP/1.1 200") == 1
    assert Behind.asked == ["/x"]


def test_a_connection_is_closed_whatever_the_client_asks_for() -> None:
    head = OPEN[:-2] + b"Connection: keep-alive\r\nKeep-Alive: 5\r\n\r\n"
    assert one_only(head).lower().count(b"connection:") == 1
    assert b"Connection: close\r\n\r\n" in one_only(head)
    assert b"keep-alive" not in one_only(head).lower()


def test_a_big_body_comes_through_whole(ask: Ask) -> None:
    head = f"POST /x HTTP/1.1\r\nX-Chroma-Token: {TOKEN}\r\nContent-Length: 5000000\r\n\r\n"
    assert ask(head.encode() + b"x" * 5_000_000).endswith(b"5000000")


def test_a_head_without_end_is_cut_off(ask: Ask) -> None:
    with contextlib.suppress(ConnectionError):
        assert ask(b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000) == b""
    assert Behind.asked == []
