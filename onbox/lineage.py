"""certbot's record of one certificate: the file itself, and how it will be renewed."""

from __future__ import annotations

import calendar
import os
import re
import ssl
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

from onbox.shell import Failed, run

LIVE = "/etc/letsencrypt/live"
ARCHIVE = "/etc/letsencrypt/archive"
RENEWAL = "/etc/letsencrypt/renewal"
PARTS = ("cert", "chain", "fullchain", "privkey")
HOOK = "/usr/bin/python3 -I /usr/local/lib/boxkeeper certificates reload"


@dataclass(frozen=True)
class Certificate:
    """Moments are seconds since 1970."""

    names: frozenset[str]
    begins: float
    ends: float
    issuer: str
    der: bytes


def read(path: str) -> Certificate | None:
    """The first certificate of a PEM file, or None where there is none."""
    try:
        said = run(["openssl", "x509", "-in", path, "-noout", "-dates", "-issuer", "-ext", "subjectAltName"], ok=(0, 1))
        with open(path) as file:
            der = ssl.PEM_cert_to_DER_cert(re.sub(r"(-----END CERTIFICATE-----).*", r"\1", file.read(), flags=re.S))
    except (Failed, OSError, ValueError):
        return None
    fields = dict(re.findall(r"^(notBefore|notAfter|issuer)=(.*)$", said, re.MULTILINE))
    if len(fields) != 3:
        return None
    names = frozenset(re.findall(r"DNS:([^,\s]+)", said))
    return Certificate(names, _moment(fields["notBefore"]), _moment(fields["notAfter"]), fields["issuer"].strip(), der)


def _moment(text: str) -> float:
    return float(calendar.timegm(time.strptime(text, "%b %d %H:%M:%S %Y GMT")))


def chain(domain: str) -> str:
    return f"{LIVE}/{domain}/fullchain.pem"


def directory(domain: str) -> str:
    """The ACME directory that the certificate came from, or ""."""
    found = re.search(r"^server\s*=\s*(\S+)", _conf(domain), re.MULTILINE)
    return found[1] if found else ""


def _conf(domain: str) -> str:
    try:
        with open(f"{RENEWAL}/{domain}.conf") as file:
            return file.read()
    except OSError:
        return ""


def settle(domain: str, names: Sequence[str], webroot: str) -> None:
    """Make certbot renew it by our webroot, whoever asked for it first.

    One made with `--standalone` renews that way too, and fails as soon as nginx has port 80.
    """
    before = _conf(domain)
    after = settled(before, names, webroot)
    if not before or before == after:
        return
    handle, fresh = tempfile.mkstemp(dir=RENEWAL, prefix=".boxkeeper-")  # certbot reads *.conf
    with open(handle, "w") as file:
        file.write(after)
    os.rename(fresh, f"{RENEWAL}/{domain}.conf")


def settled(conf: str, names: Sequence[str], webroot: str) -> str:
    """The text of a renewal file with our way to renew; certificates, account and server stay."""
    ours = {"authenticator": "webroot", "webroot_path": f"{webroot},", "renew_hook": HOOK}
    theirs = ("installer", "pref_challs", "http01_port", "http01_address", "pre_hook", "post_hook", *ours)
    head, _, rest = conf.partition("[renewalparams]\n")
    kept = [
        line
        for line in rest.partition("[[webroot_map]]")[0].splitlines()
        if line.strip() and line.partition("=")[0].strip() not in theirs
    ]
    lines = [*kept, *(f"{key} = {value}" for key, value in ours.items())]
    where = [f"{name} = {webroot}" for name in sorted(names)]
    return head + "\n".join(["[renewalparams]", *lines, "[[webroot_map]]", *where]) + "\n"


def mend(domain: str) -> None:
    """Put the links in live/ back to the newest certificate that is whole in archive/; without one, do nothing."""
    numbers = [int(found[1]) for name in _list(f"{ARCHIVE}/{domain}") if (found := re.match(r"cert(\d+)\.pem$", name))]
    whole = [
        number for number in numbers if all(os.path.exists(f"{ARCHIVE}/{domain}/{part}{number}.pem") for part in PARTS)
    ]
    if not whole:
        return
    os.makedirs(f"{LIVE}/{domain}", mode=0o755, exist_ok=True)
    for part in PARTS:
        link = f"{LIVE}/{domain}/{part}.pem"
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink(f"../../archive/{domain}/{part}{max(whole)}.pem", link)


def _list(folder: str) -> list[str]:
    return os.listdir(folder) if os.path.isdir(folder) else []


def set_aside(domain: str) -> None:
    """Rename what is left of a broken one: certbot would call its successor DOMAIN-0001, where nobody looks for it."""
    for path in (f"{RENEWAL}/{domain}.conf", f"{LIVE}/{domain}", f"{ARCHIVE}/{domain}"):
        if os.path.lexists(path):
            os.rename(path, f"{path}.lost-{time.time():.0f}")
