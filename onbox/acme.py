"""What we ask of a CA, by certbot, and how its answers read."""

from __future__ import annotations

import calendar
import email.utils
import os
import re
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

from onbox.certbot import PROGRAM
from onbox.lineage import HOOK

Json = Any
PRODUCTION = "https://acme-v02.api.letsencrypt.org/directory"
LOG = "/var/log/letsencrypt/letsencrypt.log"
SLACK = 3600.0
"""Seconds that the box's clock may be off: more, and it would judge fresh certificates wrongly."""


class Refused(Exception):
    """The CA or certbot said no. `not_before` is when it may be asked again, in seconds since 1970, or 0."""

    def __init__(self, words: str, not_before: float = 0.0) -> None:
        super().__init__(words)
        self.not_before = not_before


def obstacle(settings: Json) -> str:
    """Why the CA can't be asked at all: it does not answer, or this box's clock is wrong. "" when it can."""
    if not os.path.exists(PROGRAM):
        return "certbot is not installed yet"
    trust = ssl.create_default_context(cafile=settings["authority"])
    try:
        with urllib.request.urlopen(settings["directory"], timeout=20, context=trust) as answer:
            sent = answer.headers["Date"]
    except urllib.error.HTTPError as error:
        return f"{settings['directory']} answers {error.code}"
    except OSError as error:  # URLError is one
        return f"{settings['directory']}: {getattr(error, 'reason', error)}"
    off = time.time() - email.utils.parsedate_to_datetime(sent).timestamp() if sent else 0.0
    if abs(off) > SLACK:
        return f"this box's clock is {abs(off) / 3600:.0f} h {'ahead' if off > 0 else 'behind'}; set it right first"
    return ""


def issue(settings: Json, names: Sequence[str]) -> None:
    """Ask for a certificate with exactly these names. Raises Refused."""
    who = [f"--email={settings['email']}", "--no-eff-email"] if settings["email"] else []
    common = [
        *("certonly", "--agree-tos", "--webroot", f"--webroot-path={settings['webroot']}", f"--cert-name={names[0]}"),
        *(who or ["--register-unsafely-without-email"]),
        *(f"--domain={name}" for name in names),
        f"--server={settings['directory']}",
    ]
    if settings["directory"] == PRODUCTION:
        _certbot(settings, [*common, "--dry-run"])  # at the staging CA, whose limits nobody reaches
    # "force": we only come here for a certificate that is missing, has other names or another CA; certbot would ask
    _certbot(settings, [*common, "--key-type=ecdsa", "--force-renewal", f"--deploy-hook={HOOK}"])


def renew(settings: Json, domain: str) -> None:
    """Renew a certificate if the CA (ARI) or its age says that it is time. Raises Refused."""
    # certbot sleeps up to 8 minutes when nobody watches; our timer is what spreads the load
    _certbot(settings, ["renew", f"--cert-name={domain}", "--no-random-sleep-on-renew"])


def _certbot(settings: Json, arguments: list[str]) -> None:
    trust = {"REQUESTS_CA_BUNDLE": settings["authority"]} if settings["authority"] else {}
    started = time.time()
    done = subprocess.run(
        [PROGRAM, "--non-interactive", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, **trust},
        check=False,
    )
    if done.returncode != 0:
        said = done.stdout + done.stderr
        raise Refused(words(said), not_before(said + _log(), started))


def _log() -> str:
    try:
        with open(LOG, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def words(said: str) -> str:
    """The part of certbot's answer that says why, as one line."""
    details = re.findall(r"Identifier: *(.*)\n *Type: *.*\n *Detail: *(.*)", said)
    if details:
        return "; ".join(f"{name}: {' '.join(detail.split())}" for name, detail in details)
    errors = re.findall(r"An unexpected error occurred:\n(.*)", said) or re.findall(
        r"^(.*(?:rror|ailed).*)$", said, re.M
    )
    return " ".join((errors or said.strip().splitlines()[-1:] or ["certbot said nothing"])[0].split())


def not_before(said: str, now: float) -> float:
    """When the CA lets us ask again: its Retry-After header, or Let's Encrypt's sentence; 0 when it says nothing.

    Only of a refusal: with its advice on renewal (ARI) a CA sends the same header, about when to read that again.
    """
    found = 0.0
    for headers in re.findall(r"HTTP (?:429|503)\n((?:[\w-]+: .*\n)+)", said):
        for value in re.findall(r"^Retry-After: *(.+)$", headers, re.M | re.I):
            if value.strip().isdigit():
                found = max(found, now + int(value))
            elif date := email.utils.parsedate(value):
                found = max(found, float(calendar.timegm(date)))
    for date_text in re.findall(r"retry after (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", said):
        found = max(found, float(calendar.timegm(time.strptime(date_text, "%Y-%m-%d %H:%M:%S"))))
    return found
