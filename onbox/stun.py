"""As much of STUN and TURN (RFC 8489, RFC 8656) as it takes to ask coturn for a relay, and to give it back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import struct
import time

COOKIE = 0x2112A442
ALLOCATE, REFRESH = 0x0003, 0x0004
USERNAME, INTEGRITY, ERROR, LIFETIME, REALM, NONCE, TRANSPORT = 0x06, 0x08, 0x09, 0x0D, 0x14, 0x15, 0x19
UDP = bytes([17, 0, 0, 0])
PLACE = ("127.0.0.1", 3478)


def allocate(secret: str, seconds: float) -> str:
    """Ask for a relay with a password made of an app's secret. Returns "" where there was one, else what was said.

    Raises OSError where nobody answers within so many seconds.
    """
    user = f"{int(time.time()) + 60}:boxkeeper"
    password = base64.b64encode(hmac.digest(secret.encode(), user.encode(), "sha1")).decode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(seconds)
        link.connect(PLACE)
        asked = {TRANSPORT: UDP}
        stranger = _ask(link, ALLOCATE, asked)
        if REALM not in stranger or NONCE not in stranger:
            return f"it does not ask for a password ({_error(stranger) or 'no realm'})"
        known = {USERNAME: user.encode(), REALM: stranger[REALM], NONCE: stranger[NONCE]}
        key = hashlib.md5(f"{user}:{stranger[REALM].decode()}:{password}".encode(), usedforsecurity=False).digest()
        made = _ask(link, ALLOCATE, {**asked, **known}, key)
        if ERROR not in made:
            _ask(link, REFRESH, {LIFETIME: bytes(4), **known}, key)
        return _error(made)


def _ask(link: socket.socket, method: int, attributes: dict[int, bytes], key: bytes = b"") -> dict[int, bytes]:
    """The attributes of the answer to a request; with a key of long-term credentials it is signed."""
    body, sign = b"".join(_attribute(*each) for each in attributes.items()), 24 if key else 0
    message = struct.pack(">HHI", method, len(body) + sign, COOKIE) + os.urandom(12) + body
    if key:
        message += _attribute(INTEGRITY, hmac.digest(key, message, "sha1"))
    link.send(message)
    return _attributes(link.recv(1 << 12))


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack(">HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _attributes(message: bytes) -> dict[int, bytes]:
    found, at = {}, 20
    while at + 4 <= len(message):
        kind, size = struct.unpack_from(">HH", message, at)
        found[kind] = message[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4
    return found


def _error(attributes: dict[int, bytes]) -> str:
    """The error in an answer, e.g. `401 Unauthorized`; "" where it has none."""
    said = attributes.get(ERROR, b"")
    return f"{said[2] * 100 + said[3]} {said[4:].decode(errors='replace')}".strip() if len(said) >= 4 else ""
