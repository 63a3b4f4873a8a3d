"""coturn: the addresses of the box that it works with, its files, and its own copy of a site's certificate.

/etc/boxkeeper/turn/tls is a link to what nginx serves for a site. coturn is no root and reads a copy, the key and the
chain in one file: one rename changes both, so it never sees the key of one with the chain of the other.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from typing import Any

from onbox import certificates, files, lock, units
from onbox.shell import Failed, run, said

Json = Any
HOME = "/etc/boxkeeper/turn"
SITE = f"{HOME}/tls"
COPY = f"{HOME}/certificate.pem"
GROUP = "turnserver"
UNIT = "coturn.service"
STAMP = "coturn certificate"
LOCK = "/run/boxkeeper.turn.lock"
ELSEWHERE = {"4": (socket.AF_INET, "192.0.2.1"), "6": (socket.AF_INET6, "2001:db8::1")}


def observe(queries: list[list[str]]) -> list[Json]:
    common = {"addresses": addresses(), "outgoing": {version: _outgoing(version) for version in ELSEWHERE}}
    return [{**common, "certificate": fault(), "files": found} for found in files.observe(queries)]


def addresses() -> list[str]:
    """The box's own addresses with the length of their network, e.g. 203.0.113.10/24; no link-local or passing ones."""
    links = json.loads(said(["ip", "-j", "address", "show"]) or "[]")
    found = [address for link in links for address in link["addr_info"]]
    lasting = [one for one in found if one["scope"] == "global" and not one.get("temporary")]
    return sorted(f"{one['local']}/{one['prefixlen']}" for one in lasting)


def _outgoing(version: str) -> str:
    """The address that packets to elsewhere leave from, or "". Connecting a UDP socket sends none."""
    family, elsewhere = ELSEWHERE[version]
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def fault() -> str:
    """What is wrong with the certificate that coturn has; "" for nothing."""
    wanted = _wanted()
    if wanted is None:
        return f"{SITE}: has no certificate that works"
    if files.observe([[COPY]])[0]["paths"] != [wanted["wanted"]]:
        return f"{COPY}: is not the certificate of its site"
    return "" if units.stamped(STAMP) == wanted["wanted"]["sha256"] else "coturn runs with an older certificate"


def _wanted() -> Json | None:
    """The copy as it should be, in the words of `onbox/files.py`; None where the site has nothing that works."""
    if certificates.unusable(SITE):
        return None
    content = b"".join(_read(f"{SITE}/{part}.pem") for part in ("privkey", "fullchain"))
    sha256 = hashlib.sha256(content).hexdigest()
    wanted = {"type": "file", "mode": "0640", "owner": "root", "group": GROUP, "sha256": sha256}
    return {"path": COPY, "wanted": wanted, "content": base64.b64encode(content).decode()}


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read().rstrip() + b"\n"


def apply(payload: Json) -> None:
    with lock.alone(LOCK):  # the timer of certificates comes when it comes, also in the middle of a run
        files.apply(payload)
        if _wanted() is None:
            raise Failed(f"{SITE} leads to no certificate; the role tls makes it: run deploys/full.py")
        _give()


def refresh() -> None:
    """What a renewal calls. On a box without coturn, or without a certificate, there is nothing to do."""
    with lock.alone(LOCK):
        _give()


def _give() -> None:
    """Give coturn the certificate that its site has now, if it has another. Calls that go on are not cut."""
    wanted = _wanted()
    if wanted is None or not fault():
        return
    files.apply({"paths": [wanted], "prove": []})
    if said(["systemctl", "is-active", UNIT]).strip() == "active":
        run(["systemctl", "reload", UNIT])
    units.stamp(STAMP, wanted["wanted"]["sha256"])
