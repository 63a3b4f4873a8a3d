"""Whether a value opens what it is for: yes, no with what was said, or nobody there; never anything in between."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from onbox import stun, trial

Serve = Callable[[Callable[[bytes], bytes]], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Answer what is sent to a port, once a connection; the port."""
    open_: list[socket.socket] = []

    def serve(answer: Callable[[bytes], bytes]) -> int:
        listening = socket.create_server(("127.0.0.1", 0))
        open_.append(listening)

        def run() -> None:
            while True:
                try:
                    link, _ = listening.accept()
                except OSError:
                    return
                with link:
                    link.sendall(answer(link.recv(1 << 12)))

        threading.Thread(target=run, daemon=True).start()
        return int(listening.getsockname()[1])

    yield serve
    for each in open_:
        each.close()


def test_a_password_of_redis(serve: Serve) -> None:
    right = b"*3\r\n$4\r\nAUTH\r\n$3\r\napp\r\n$3\r\nnew\r\n"
    port = serve(lambda sent: b"+OK\r\n" if sent == right else b"-WRONGPASS invalid\r\n")
    query = {"kind": "redis", "port": port, "user": "app"}
    assert trial.observe([{**query, "value": "new"}, {**query, "value": "old"}]) == ["", "-WRONGPASS invalid"]


def test_a_token_of_chroma(serve: Serve) -> None:
    def answer(sent: bytes) -> bytes:
        assert sent.endswith(b"\r\n\r\n")
        return b"HTTP/1.1 200 OK\r\n\r\n{}" if b"X-Chroma-Token: new\r\n" in sent else b"HTTP/1.1 401 No\r\n\r\n"

    query = {"kind": "chroma", "port": serve(answer)}
    assert trial.observe([{**query, "value": "new"}, {**query, "value": "old"}]) == ["", "401 No"]


def test_where_nobody_answers_nothing_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for kind in ("redis", "chroma"):
        assert "refused" in trial.observe([{"kind": kind, "port": port, "user": "app", "value": "x"}])[0]


REALM, NONCE = b"example.com", b"nonce"


def coturn(sent: bytes, secret: bytes) -> bytes:
    """What coturn answers: a password first, and a relay to who has the secret (RFC 8489, RFC 8656)."""
    method, size, _ = struct.unpack_from(">HHI", sent)
    known = stun._attributes(sent)
    if stun.INTEGRITY not in known:
        return answered(0x0113, {stun.ERROR: b"\0\0\4\1Unauthorized", stun.REALM: REALM, stun.NONCE: NONCE})
    user = known[stun.USERNAME]
    password = base64.b64encode(hmac.digest(secret, user, "sha1")).decode()
    key = hashlib.md5(b":".join([user, REALM, password.encode()])).digest()
    signed = hmac.digest(key, sent[: 20 + size - 24], "sha1")
    if known[stun.INTEGRITY] != signed:
        return answered(0x0113, {stun.ERROR: b"\0\0\4\1Unauthorized"})
    return answered(method | 0x0100, {0x0016: bytes(8)})


def answered(kind: int, attributes: dict[int, bytes]) -> bytes:
    body = b"".join(stun._attribute(*each) for each in attributes.items())
    return struct.pack(">HHI", kind, len(body), stun.COOKIE) + bytes(12) + body


def test_a_secret_of_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        monkeypatch.setattr(stun, "PLACE", server.getsockname())

        def run() -> None:
            for _ in range(5):  # two questions for a wrong one, three where a relay is given back
                sent, who = server.recvfrom(1 << 12)
                server.sendto(coturn(sent, b"new"), who)

        threading.Thread(target=run, daemon=True).start()
        assert trial.observe([{"kind": "turn", "value": word} for word in ("old", "new")]) == ["401 Unauthorized", ""]
