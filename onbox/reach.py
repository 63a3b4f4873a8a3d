"""Whether a domain really leads to this box, asked as a CA asks: every address of the name, over HTTP, by a token."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import os
import secrets
import ssl
from collections.abc import Iterator, Mapping, Sequence

from onbox import dns

PATIENCE = 5.0
PATH = "/.well-known/acme-challenge/"
Ports = Mapping[str, int]
BY_CLOUDFLARE = {
    403: "its rules refuse the question: exempt /.well-known/acme-challenge/ from them",
    503: "its rules refuse the question: exempt /.well-known/acme-challenge/ from them",
    521: "it finds nothing on this box: the A record in its DNS must be this box's address",
    522: "it gets no answer from this box: the A record in its DNS must be this box's address",
    525: "it takes no certificate of our own making: set its TLS mode to Full until the first one is issued",
    526: "it takes no certificate of our own making: set its TLS mode to Full until the first one is issued",
}
"""What its own errors mean for us; they are explained in its documentation under "Cloudflare 5xx errors"."""


def obstacle(
    names: Sequence[str],
    webroot: str,
    servers: list[tuple[str, int]],
    port: int = 80,
    secure_port: int = 443,
    only: Sequence[str] = (),
) -> str:
    """Why a CA could not reach this box under all of these names; "" when it could.

    A CA may use any address of a name, and prefers IPv6: one forgotten AAAA record is enough to fail. `only`: the
    networks that the box's firewall lets in. Our own question would come in whatever it says.
    """
    with _token(webroot) as token:
        for name in names:
            if reason := _obstacle(name, token, servers, {"http": port, "https": secure_port}, only):
                return reason
    return ""


def _obstacle(name: str, token: str, servers: list[tuple[str, int]], ports: Ports, only: Sequence[str]) -> str:
    try:
        found = [(kind, each) for kind in dns.CODES for each in dns.addresses(name, kind, servers)]
    except dns.Unanswered as error:
        return f"{name}: {error}"
    if not found:
        return f"{name} has no address in DNS yet"
    for kind, address in found:
        if only and not any(ipaddress.ip_address(address) in ipaddress.ip_network(network) for network in only):
            return f"{name} leads to {address} ({kind} record), past the CDN, and the firewall lets in only the CDN"
        if said := _fetch(name, address, token, ports):
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


def _fetch(name: str, address: str, token: str, ports: Ports) -> str:
    """What is wrong with the answer at an address; "" when it is this box's. A CA follows redirects; so do we one."""
    said, onward = _ask(name, address, token, ports, "http")
    return _ask(name, address, token, ports, onward)[0] if onward else said


def _ask(name: str, address: str, token: str, ports: Ports, scheme: str) -> tuple[str, str]:
    """What is wrong with the answer, and the scheme by which it says to ask again, or ""."""
    link = http.client.HTTPConnection(address, ports[scheme], timeout=PATIENCE)
    try:
        link.connect()
        if scheme == "https":
            link.sock = _trust_all().wrap_socket(link.sock, server_hostname=name)
        link.request("GET", PATH + token, headers={"Host": name})
        answer = link.getresponse()
        if answer.status == 200 and answer.read(len(token) + 1) == token.encode():
            return "", ""
        onward = answer.status in (301, 302, 307, 308) and answer.headers["Location"] == f"https://{name}{PATH}{token}"
        return _meaning(answer), "https" if onward and scheme == "http" else ""
    except http.client.HTTPException:
        return "something answers that is no web server", ""
    except OSError as error:
        return f"nothing answers on port {ports[scheme]} ({error.strerror or error})", ""
    finally:
        link.close()


def _trust_all() -> ssl.SSLContext:
    """As a CA does that comes to see whether to vouch: the certificate is what is still missing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _meaning(answer: http.client.HTTPResponse) -> str:
    said = BY_CLOUDFLARE.get(answer.status) if answer.headers["Server"] == "cloudflare" else None
    return f"Cloudflare answers {answer.status}: {said}" if said else f"another web server answers ({answer.status})"
