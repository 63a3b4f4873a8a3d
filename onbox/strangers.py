"""What is on a box that nobody described: who may log in, who may be root, what listens, runs or was edited by hand."""

from __future__ import annotations

import base64
import glob
import hashlib
import os
import pwd
from collections.abc import Iterator
from typing import Any

from onbox import sshd
from onbox.shell import said

Json = Any
UNITS = "/etc/systemd/system"
STATUS = "/var/lib/dpkg/status"
ANY = ("0.0.0.0", "[::]", "*")


def found(described: Json) -> list[str]:
    """One line each, the same each time for the same thing; `described` as by `described` in roles/drift.py."""
    ours = set(described["paths"])
    lines = [*_logins(described["admin"]), *_sudoers(ours), *_listening(described["ports"])]
    lines += [*_units(ours, described["apps"]), *_edited(ours)]
    return sorted(set(lines) - set(described["known"]))


def _logins(admin: str | None) -> Iterator[str]:
    """Keys that log somebody in, besides the admin's: those are the role's own file."""
    for user in pwd.getpwall():
        if user.pw_name == admin:
            continue
        for path in (f"{user.pw_dir}/.ssh/authorized_keys", f"{user.pw_dir}/.ssh/authorized_keys2"):
            yield from (f"login: {user.pw_name} by {key}" for key in _keys(path))


def _keys(path: str) -> Iterator[str]:
    for line in _text(path).splitlines():
        words = line.split()
        place = next((at for at, word in enumerate(words) if word.startswith(("ssh-", "ecdsa-", "sk-"))), None)
        if line.startswith("#") or place is None or len(words) < place + 2:
            continue
        yield f"{words[place]} {_fingerprint(words[place + 1])}"


def _fingerprint(blob: str) -> str:
    """As ssh-keygen -l prints it."""
    try:
        digest = hashlib.sha256(base64.b64decode(blob)).digest()
    except ValueError:
        return "that is none"
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _sudoers(ours: set[str]) -> Iterator[str]:
    """sudo reads every file there whose name has no dot and no tilde at its end."""
    for path in glob.glob("/etc/sudoers.d/*"):
        name = os.path.basename(path)
        rules = [line for line in _text(path).splitlines() if line.strip() and not line.lstrip().startswith("#")]
        if path not in ours and rules and "." not in name and not name.endswith("~"):
            yield f"sudo: {path}"


def _listening(ports: list[str]) -> Iterator[str]:
    """What can be reached from outside as soon as the firewall lets it."""
    expected = [f"tcp/{port}" for port in sshd.ports()] + ports
    for line in said(["ss", "-Htulnp"]).splitlines():
        kind, _, _, _, local, _, *owner = line.split()
        address, _, port = local.rpartition(":")
        if address.partition("%")[0].startswith(("127.", "[::1]", "[fe80")) or _is_in(kind, int(port), expected):
            continue
        name = owner[0].split('"')[1] if owner and '"' in owner[0] else "somebody"
        yield f"listens: {kind}/{port} on {'every address' if address in ANY else address} ({name})"


def _is_in(kind: str, port: int, expected: list[str]) -> bool:
    for one in expected:
        what, _, span = one.partition("/")
        first, _, last = span.partition("-")
        if what == kind and int(first) <= port <= int(last or first):
            return True
    return False


def _units(ours: set[str], apps: list[str]) -> Iterator[str]:
    """Units that an administrator has made, which no package brings."""
    mine = ("boxkeeper-", *(f"{app}-" for app in apps))
    for path in glob.glob(f"{UNITS}/*") + glob.glob(f"{UNITS}/*.d/*.conf"):
        first = os.path.relpath(path, UNITS).split("/")[0]
        if os.path.isfile(path) and not os.path.islink(path) and path not in ours and not first.startswith(mine):
            yield f"unit: {path}"


def _edited(ours: set[str]) -> Iterator[str]:
    """Settings of packages that are not as the package brought them (deb-conffiles(5))."""
    for path, wanted in _conffiles():
        if path in ours or not os.path.isfile(path):
            continue
        with open(path, "rb") as file:
            is_same = hashlib.md5(file.read(), usedforsecurity=False).hexdigest() == wanted
        if not is_same:
            yield f"edited: {path}"


def _conffiles() -> Iterator[tuple[str, str]]:
    listed = False
    for line in _text(STATUS).splitlines():
        listed = line == "Conffiles:" or (listed and line.startswith(" "))
        words = line.split()
        if listed and len(words) == 2:  # a third word says `obsolete`
            yield words[0], words[1]


def _text(path: str) -> str:
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""
