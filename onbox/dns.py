"""Addresses of a name as a name server gives them.

The box's own resolver library would not do: it also reads /etc/hosts, where a box often has its own domain on loopback,
while a CA sees only what DNS says.
"""

from __future__ import annotations

import os
import re
import socket
import struct
from typing import Literal

Kind = Literal["A", "AAAA"]
CODES: dict[Kind, int] = {"A": 1, "AAAA": 28}
PATIENCE = 3.0
REFUSALS = {1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED"}


class Unanswered(Exception):
    """No name server gave an answer; says why."""


def addresses(name: str, kind: Kind, servers: list[tuple[str, int]]) -> list[str]:
    """The addresses of `name`, none if it has none. Servers are asked in turn until one answers, each twice.

    Raises Unanswered.
    """
    reason = "no name server is configured"
    for server in [*servers, *servers]:
        try:
            return _parse(_ask(_question(name, kind), server), kind)
        except (OSError, Unanswered, struct.error, IndexError, ValueError) as error:
            reason = f"name server {server[0]}: {error or 'no answer'}"
    raise Unanswered(reason)


def configured() -> list[tuple[str, int]]:
    """The name servers of this box."""
    with open("/etc/resolv.conf") as file:
        return [(found[1], 53) for line in file if (found := re.match(r"nameserver\s+(\S+)", line))]


def _question(name: str, kind: Kind) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    header = os.urandom(2) + struct.pack(">5H", 0x0100, 1, 0, 0, 0)  # recursion desired, one question
    return header + labels + b"\0" + struct.pack(">2H", CODES[kind], 1)


def _ask(question: bytes, server: tuple[str, int]) -> bytes:
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as link:
        link.settimeout(PATIENCE)
        link.connect(server)
        link.send(question)
        answer = link.recv(4096)
        while answer[:2] != question[:2]:  # a late answer to somebody else's question
            answer = link.recv(4096)
    return _ask_tcp(question, server, family) if answer[2] & 2 else answer  # cut short: TCP has room


def _ask_tcp(question: bytes, server: tuple[str, int], family: socket.AddressFamily) -> bytes:
    with socket.socket(family, socket.SOCK_STREAM) as link:
        link.settimeout(PATIENCE)
        link.connect(server)
        link.sendall(struct.pack(">H", len(question)) + question)
        with link.makefile("rb") as stream:
            return stream.read(struct.unpack(">H", stream.read(2))[0])


def _parse(answer: bytes, kind: Kind) -> list[str]:
    code = answer[3] & 15
    if code == 3:  # NXDOMAIN
        return []
    if code:
        raise Unanswered(REFUSALS.get(code, f"code {code}"))
    questions, answers = struct.unpack(">2H", answer[4:8])
    place = 12
    for _ in range(questions):
        place = _after_name(answer, place) + 4
    found = []
    for _ in range(answers):  # aliases come first, with what they lead to: only the addresses count
        place = _after_name(answer, place)
        number, _, _, length = struct.unpack(">HHIH", answer[place : place + 10])
        data = answer[place + 10 : place + 10 + length]
        if number == CODES[kind]:
            found.append(socket.inet_ntop(socket.AF_INET if kind == "A" else socket.AF_INET6, data))
        place += 10 + length
    return found


def _after_name(message: bytes, place: int) -> int:
    while message[place]:
        if message[place] >= 0xC0:  # a pointer ends a name
            return place + 2
        place += 1 + message[place]
    return place + 1
