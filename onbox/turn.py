"""coturn: the addresses of the box that it works with, its files, its secrets, and its own copy of a certificate.

/etc/boxkeeper/turn/tls is a link to what nginx serves for a site. coturn is no root and reads a copy, the key and the
chain in one file: one rename changes both, so it never sees the key of one with the chain of the other.

Its secrets are in a database of SQLite, where it looks at each login. What it accepts is changed in there, and nothing
that goes on is cut; a database that is made anew it has to be started with.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shutil
import socket
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from typing import Any

from onbox import certificates, files, lock, units
from onbox.shell import Failed, run, said

Json = Any
HOME = "/etc/boxkeeper/turn"
SITE = f"{HOME}/tls"
COPY = f"{HOME}/certificate.pem"
SECRETS = f"{HOME}/secrets.db"
GROUP = "turnserver"
UNIT = "coturn.service"
STAMP = "coturn certificate"
LOCK = "/run/boxkeeper.turn.lock"
ELSEWHERE = {"4": (socket.AF_INET, "192.0.2.1"), "6": (socket.AF_INET6, "2001:db8::1")}
TABLES = """
CREATE TABLE turn_secret (realm, value, PRIMARY KEY (realm, value));
CREATE TABLE turnusers_lt (realm, name, hmackey);
CREATE TABLE allowed_peer_ip (realm, ip_range);
CREATE TABLE denied_peer_ip (realm, ip_range);
CREATE TABLE turn_origin_to_realm (origin, realm);
CREATE TABLE turn_realm_option (realm, opt, value);
CREATE TABLE oauth_key (kid, ikm_key, timestamp, lifetime, as_rs_alg, realm);
CREATE TABLE admin_user (name, realm, password);
"""
"""All that coturn looks into, of which we fill the first."""


def observe(queries: list[list[str]]) -> list[Json]:
    common: Json = {"addresses": addresses(), "outgoing": {version: _outgoing(version) for version in ELSEWHERE}}
    common |= {"certificate": fault(), "accepted": accepted()}
    return [{**common, "files": found} for found in files.observe(queries)]


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


def accepted() -> list[list[str]] | None:
    """The realm and the hash of each secret that coturn accepts; None where it has no database that it can read."""
    try:
        status = os.stat(SECRETS)
        if stat.S_IMODE(status.st_mode) != 0o640 or status.st_gid != os.stat(HOME).st_gid:
            return None
        with _database(SECRETS) as database:
            found = database.execute("SELECT realm, value FROM turn_secret").fetchall()
    except (FileNotFoundError, sqlite3.DatabaseError):
        return None
    return sorted([realm, hashlib.sha256(value.encode()).hexdigest()] for realm, value in found)


@contextlib.contextmanager
def _database(path: str) -> Iterator[sqlite3.Connection]:
    """A database, in which all is kept or nothing. To be read it is opened for writing, too: who does that first takes
    back what one that was cut off has left, which coturn may not."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=30)) as database, database:
        yield database


def _accept(secrets: Sequence[Sequence[str]]) -> None:
    """Have coturn accept these secrets, each with its realm, and no others."""
    if accepted() is not None:
        with _database(SECRETS) as database:
            database.execute("DELETE FROM turn_secret")
            database.executemany("INSERT INTO turn_secret VALUES (?, ?)", secrets)
        return
    fresh = f"{SECRETS}.new"
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    with _database(fresh) as database:
        database.executescript(TABLES)
        database.executemany("INSERT INTO turn_secret VALUES (?, ?)", secrets)
    shutil.chown(fresh, group=GROUP)
    os.chmod(fresh, 0o640)
    os.rename(fresh, SECRETS)
    run(["systemctl", "try-restart", UNIT])


def apply(payload: Json) -> None:
    with lock.alone(LOCK):  # the timer of certificates comes when it comes, also in the middle of a run
        files.apply(payload["files"])
        _accept(payload["secrets"])
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
