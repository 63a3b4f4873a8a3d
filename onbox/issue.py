"""What the timer runs: sites still on a certificate of their own get one from a CA, and those that are due a new one.

It writes down what it found, for people and for `boxkeeper status`, in /var/lib/boxkeeper/certificates.json: per site
`state` (self-signed, pending, issued), `reason` when something is in the way, `expires`, `checked`.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from onbox import acme, certificates, dns, ledger, lineage, lock, nginx, reach, turn
from onbox.shell import Failed

Json = Any
RECORD = "/var/lib/boxkeeper/certificates.json"
LOCK = "/run/boxkeeper.certificates.lock"
HALF_A_DAY = 12 * 3600.0


def run() -> None:
    with lock.alone(LOCK):
        settings = certificates.settings()
        certificates.heal()
        record = _read()
        known = {site["name"]: record["sites"].get(site["name"], {}) for site in settings["sites"]}
        record["sites"] = known
        for site in settings["sites"]:
            known[site["name"]] = _settle(site, settings, record)
            _write(record)
        turn.refresh()


def _read() -> Json:
    try:
        with open(RECORD) as file:
            return {"sites": {}, "ledger": {}, **json.load(file)}
    except (FileNotFoundError, ValueError):
        return {"sites": {}, "ledger": {}}


def _write(record: Json) -> None:
    os.makedirs(os.path.dirname(RECORD), mode=0o755, exist_ok=True)
    fresh = f"{RECORD}.new"
    with open(fresh, "w") as file:
        json.dump(record, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    os.rename(fresh, RECORD)


def _settle(site: Json, settings: Json, record: Json) -> Json:
    """Bring one site as far as it can be brought now, and say how far that is."""
    asked, reason = float(record["sites"][site["name"]].get("asked", 0.0)), ""
    try:
        if settings["certificates"] == "acme":
            if missing(site, settings):
                reason = _first(site, settings, record["ledger"])
            elif time.time() >= asked + _pause(site):
                asked = time.time()
                reason = _again(site, settings, record["ledger"])
        _serve(site, settings["stranger"])
    except acme.Refused as refused:
        reason = f"the CA said: {refused}"
    except (Failed, OSError) as failed:
        reason = str(failed)
    return _page(site, settings, reason, asked)


def missing(site: Json, settings: Json) -> bool:
    """Whether the CA's certificate is missing: not there, for other names, or from another CA than the wanted one."""
    found = lineage.read(lineage.chain(site["names"][0]))
    if found is None or certificates.unusable(certificates.live(site)):
        return True
    return found.names != frozenset(site["names"]) or lineage.directory(site["names"][0]) != settings["directory"]


def _pause(site: Json) -> float:
    """Seconds between two questions whether it is time to renew: half a day, less for a short-lived certificate."""
    found = lineage.read(lineage.chain(site["names"][0]))
    return min(HALF_A_DAY, (found.ends - found.begins) / 20) if found else 0.0


def _first(site: Json, settings: Json, book: Json) -> str:
    names = site["names"]
    if reason := ledger.refusal(book, names, time.time()):
        return reason
    servers = [tuple(settings["resolver"])] if settings["resolver"] else dns.configured()
    if reason := reach.obstacle(names, settings["webroot"], servers, only=settings.get("only", ())) or acme.obstacle(
        settings
    ):
        return reason
    if certificates.unusable(certificates.live(site)):
        lineage.set_aside(names[0])
    _ask(book, names, lambda: acme.issue(settings, names), lambda: True)
    return ""


def _again(site: Json, settings: Json, book: Json) -> str:
    names, path = site["names"], lineage.chain(site["names"][0])
    found = lineage.read(path)
    if reason := ledger.refusal(book, names, time.time()):
        aged = found is None or found.ends - time.time() < (found.ends - found.begins) / 3
        return f"it should be renewed, but {reason}" if aged else ""
    lineage.settle(names[0], names, settings["webroot"])
    _ask(book, names, lambda: acme.renew(settings, names[0]), lambda: lineage.read(path) != found)
    return ""


def _ask(book: Json, names: list[str], question: Callable[[], None], issued: Callable[[], bool]) -> None:
    """Ask the CA, and write down in the ledger what came of it."""
    try:
        question()
    except acme.Refused as refused:
        ledger.note(book, names, time.time(), issued=False, not_before=refused.not_before)
        raise
    if issued():
        ledger.note(book, names, time.time(), issued=True)


def _serve(site: Json, stranger: Json) -> None:
    """See to it that nginx serves the best certificate there is: what it answers with counts, not what a file says."""
    if not nginx.is_running():
        raise Failed("nginx is not running")
    was = os.readlink(os.path.join(certificates.HOME, site["name"]))
    best = was if certificates.unusable(certificates.live(site)) else certificates.live(site)
    served = _served(site)
    if served in (None, _wanted(stranger)):
        raise Failed("nginx has no site for it")
    if was == best and served == _wanted(site):
        return
    certificates.point(site, best)
    try:
        nginx.reload()
    except Failed:
        certificates.point(site, was)
        raise
    deadline = time.monotonic() + 10
    while _served(site) != _wanted(site) and time.monotonic() < deadline:
        time.sleep(0.1)  # an old worker can take a last connection
    if _served(site) != _wanted(site):
        raise Failed("nginx still serves another certificate; something else may have port 443")


def _wanted(site: Json) -> bytes | None:
    found = lineage.read(os.path.join(certificates.HOME, site["name"], "fullchain.pem"))
    return found.der if found else None


def _served(site: Json) -> bytes | None:
    trust_all = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust_all.check_hostname, trust_all.verify_mode = False, ssl.CERT_NONE
    try:
        link = socket.create_connection(("127.0.0.1", 443), timeout=5)
        with link, trust_all.wrap_socket(link, server_hostname=site["names"][0]) as tls:
            return tls.getpeercert(binary_form=True)
    except OSError:
        return None


def _page(site: Json, settings: Json, reason: str, asked: float) -> Json:
    found = lineage.read(os.path.join(certificates.HOME, site["name"], "fullchain.pem"))
    issued = not certificates.is_own(site)
    state = "issued" if issued else "self-signed" if settings["certificates"] == "self-signed" else "pending"
    return {
        "names": site["names"],
        "state": state,
        "reason": reason,
        "expires": ledger.clock(found.ends) if found else "",
        "issuer": found.issuer if found and issued else "",
        "checked": ledger.clock(time.time()),
        "asked": asked,
    }
