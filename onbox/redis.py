"""Redis: which one is on the box, and the files of its instances."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from onbox import files, units
from onbox.packages import STATUS
from onbox.shell import Failed

Json = Any


def observe(queries: list[list[str]]) -> list[Json]:
    version = _version()
    return [{"version": version, "files": found} for found in files.observe(queries)]


def _version() -> list[int] | None:
    """Major and minor, e.g. [7, 0]; None when it is not installed. dpkg's file is read: a process takes longer."""
    try:
        with open(STATUS, encoding="utf-8", errors="replace") as file:
            paragraph = file.read().partition("\nPackage: redis-server\n")[2].partition("\n\n")[0]
    except FileNotFoundError:
        return None
    found = re.search(r"^Version: (?:\d+:)?(\d+)\.(\d+)", paragraph, re.MULTILINE)
    return [int(part) for part in found.groups()] if found else None


def apply(payload: Json) -> None:
    """Write the files. An instance whose accounts are all that changed is told of them, and runs on."""
    before = [(one, _state(one)) for one in payload["told"]]
    files.apply(payload)
    for one, (current, rest, acl) in before:
        _, rest_now, acl_now = _state(one)
        if current and rest == rest_now and acl != acl_now:
            with contextlib.suppress(Failed, OSError):  # then it is restarted
                _tell(one)
                units.stamp(one["unit"], units.digest(one["watch"], []))


def _state(one: Json) -> tuple[bool, str, str]:
    """Whether an instance runs with the files that are there, and digests of all but its accounts and of those."""
    watch, acl = one["watch"], f"{one['etc']}.acl"
    current = units.stamped(one["unit"], watch) == units.digest(watch, [])
    return current, units.digest([path for path in watch if path != acl], []), units.digest([acl], [])


def _tell(one: Json) -> None:
    """Have an instance take over its accounts. Not by ACL LOAD, which before Redis 7.2 cuts everybody off."""
    with open(f"{one['etc']}.keys") as keys, open(f"{one['etc']}.acl") as acl:
        words, accounts = keys.read().split(), [line.split() for line in acl]
    with connected(one["port"]) as link:
        if not any(link.ask("AUTH", one["user"], key) == "+OK" for key in words):
            raise Failed(f"{one['unit']} lets nobody change its accounts")
        for _, name, *rules in sorted(accounts, key=lambda account: account[1] == one["user"]):
            answer = link.ask("ACL", "SETUSER", name, "reset", *rules)
            if answer != "+OK":
                raise Failed(f"{one['unit']}: {answer}")


@dataclass(frozen=True)
class Link:
    """A connection to an instance."""

    link: socket.socket

    def ask(self, *words: str) -> str:
        """The first line of the answer to a command: `+OK`, `-WRONGPASS ...`. Raises OSError where none comes."""
        parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
        self.link.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
        answer = b""
        while not answer.endswith(b"\n"):
            piece = self.link.recv(1 << 12)
            if not piece:
                raise ConnectionError("Redis ended the connection")
            answer += piece
        return answer.decode(errors="replace").splitlines()[0]


@contextlib.contextmanager
def connected(port: int) -> Iterator[Link]:
    """A connection to the instance at a port of this box. Raises OSError."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
        yield Link(link)
