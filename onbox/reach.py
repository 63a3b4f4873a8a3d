"""Whether a domain really leads to this box, asked as a CA asks: every address of the name, over HTTP, by a token."""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
from collections.abc import Iterator, Sequence

from onbox import dns

PATIENCE = 5.0
PATH = "/.well-known/acme-challenge/"


def obstacle(names: Sequence[str], webroot: str, servers: list[tuple[str, int]], port: int = 80) -> str:
    """Why a CA could not reach this box under all of these names; "" when it could.

    A CA may use any address of a name, and prefers IPv6: one forgotten AAAA record is enough to fail.
    """
    with _token(webroot) as token:
        for name in names:
            if reason := _obstacle(name, token, servers, port):
                return reason
    return ""


def _obstacle(name: str, token: str, servers: list[tuple[str, int]], port: int) -> str:
    try:
        found = [(kind, each) for kind in dns.CODES for each in dns.addresses(name, kind, servers)]
    except dns.Unanswered as error:
        return f"{name}: {error}"
    if not found:
        return f"{name} has no address in DNS yet"
    for kind, address in found:
        if said := _fetch(name, address, token, port):
            return f"{name} leads to {address} ({kind} record), where {said}; it must lead to this box"
    return ""


@contextlib.contextmanager
def _token(webroot: str) -> Iterator[str]:
    token = f"boxkeeper-{secrets.token_urlsafe(24)}"
    path = webroot + PATH + token
    with open(path, "w") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(token)
    try:
        yield token
    finally:
        os.unlink(path)


def _fetch(name: str, address: str, token: str, port: int) -> str:
    """What is wrong with the answer at an address; "" when it is this box's."""
    link = http.client.HTTPConnection(address, port, timeout=PATIENCE)
    try:
        link.request("GET", PATH + token, headers={"Host": name})
        answer = link.getresponse()
        if answer.status == 200 and answer.read(len(token) + 1) == token.encode():
            return ""
        return f"another web server answers ({answer.status})"
    except http.client.HTTPException:
        return "something answers that is no web server"
    except OSError as error:
        return f"nothing answers on port {port} ({error.strerror or error})"
    finally:
        link.close()
