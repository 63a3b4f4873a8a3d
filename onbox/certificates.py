"""Certificates of sites: a self-signed one until a CA's is there, switched as one link.

/etc/boxkeeper/tls/NAME is a link to a folder with `fullchain.pem` and `privkey.pem`: to one of our own making, or to
certbot's. One rename switches both files, so nginx never sees a key of one with the chain of the other.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import ssl
from typing import Any

from onbox import lineage, shell
from onbox.shell import Failed

Json = Any
HOME = "/etc/boxkeeper/tls"
OWN = f"{HOME}/.self-signed"
SETTINGS = "/etc/boxkeeper/certificates.json"
DAYS = 3650


def observe(queries: list[list[Json]]) -> list[list[str]]:
    """Per site what is wrong with its certificate, or ""."""
    return [[fault(site) for site in sites] for sites in queries]


def fault(site: Json) -> str:
    """Why a site can't be served with what it has; "" when it can. A site is {"name": ..., "names": [domain, ...]}."""
    leads_to = _target(site["name"])
    if leads_to is None:
        return "has no certificate"
    if leads_to not in (own(site), live(site)):
        return "has a certificate for other names"
    return unusable(os.path.join(HOME, site["name"]))


def unusable(folder: str) -> str:
    """Why nginx could not serve the certificate in a folder; "" when it could."""
    chain, key = os.path.join(folder, "fullchain.pem"), os.path.join(folder, "privkey.pem")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key)
    except FileNotFoundError:
        return "has lost its certificate"
    except (ssl.SSLError, OSError) as error:
        return f"has a broken certificate ({getattr(error, 'reason', None) or error})"
    return ""


def own(site: Json) -> str:
    """Where the self-signed certificate for exactly these names is."""
    names = hashlib.sha256(" ".join(site["names"]).encode()).hexdigest()[:8]
    return f"{OWN}/{site['name']}.{names}"


def live(site: Json) -> str:
    """Where certbot keeps the newest certificate of a site: under the name of its domain."""
    return f"{lineage.LIVE}/{site['names'][0]}"


def _target(name: str) -> str | None:
    try:
        return os.readlink(os.path.join(HOME, name))
    except OSError:
        return None


def is_own(site: Json) -> bool:
    return _target(site["name"]) != live(site)


def apply(payload: list[Json]) -> None:
    """Give every site something that nginx can serve. What a CA issued stays, as long as it works."""
    before = os.umask(0o077)
    try:
        os.makedirs(OWN, mode=0o700, exist_ok=True)
        for site in payload:
            if fault(site):
                _mend(site)
    finally:
        os.umask(before)


def _mend(site: Json) -> None:
    if unusable(live(site)):
        lineage.mend(site["names"][0])
    if unusable(live(site)):
        _sign(site)
        point(site, own(site))
    else:
        point(site, live(site))


def point(site: Json, folder: str) -> None:
    """Serve the certificate in `folder` from the next reload on. One rename: there is no moment without any."""
    link = os.path.join(HOME, site["name"])
    if os.path.isdir(link) and not os.path.islink(link):
        raise Failed(f"{link}: is a folder where a link is wanted; move it away by hand")
    fresh = os.path.join(HOME, f".{site['name']}.new")
    if os.path.lexists(fresh):
        os.unlink(fresh)
    os.symlink(folder, fresh)
    os.rename(fresh, link)


def _sign(site: Json) -> None:
    """Make a self-signed certificate. It lasts ten years: nobody trusts it anyway, so it must only never run out."""
    place = own(site)
    if not unusable(place):
        return
    fresh = f"{place}.new"
    for folder in (fresh, place):
        shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(fresh, 0o700)
    names = ",".join(f"DNS:{name}" for name in site["names"])
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{fresh}/privkey.pem"]
    to = ["-subj", f"/CN={site['name']}", "-addext", f"subjectAltName={names}", "-out", f"{fresh}/fullchain.pem"]
    shell.run(["openssl", "req", "-x509", "-sha256", "-days", str(DAYS), *key, *to])
    os.rename(fresh, place)
    for old in glob.glob(f"{glob.escape(OWN)}/{site['name']}.*"):
        if old != place:
            shutil.rmtree(old, ignore_errors=True)


def settings() -> Json:
    with open(SETTINGS) as file:
        return json.load(file)


def heal() -> None:
    """Before nginx starts: a certificate that went missing must not keep it down, and with it every site."""
    apply([*settings()["sites"], settings()["stranger"]])


def reload() -> None:
    """What certbot calls after it has renewed a certificate."""
    from onbox import nginx, turn

    if nginx.is_running():
        nginx.reload()
    turn.refresh()


def run() -> None:
    """What the timer calls: ask for certificates that are missing, renew those that are due."""
    from onbox import issue

    issue.run()
