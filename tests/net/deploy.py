"""The three roles that can lock out, and, by NET's `mishap`, what could go wrong with them."""

import json
import os
import signal
from typing import Any

import roles.confirmed
import roles.operations
from roles import base, cdn, firewall, ssh
from roles.operations import converge

_net = json.loads(os.environ["NET"])
_mishap = _net.get("mishap", "")
roles.confirmed.SECONDS = _net.get("seconds", 60)


def _without_ssh(template: str, **values: Any) -> bytes:
    return roles.render(template, **values).replace(b"tcp dport @ssh accept", b"")


def _post_quantum_only(template: str, **values: Any) -> bytes:
    return roles.render(template, **values).replace(b"KexAlgorithms -ecdh", b"KexAlgorithms sntrup761x25519-sha512\n#")


def _die(*_: Any) -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


if "ranges" in _net:
    cdn.ranges = lambda name: tuple(_net["ranges"])  # type: ignore[assignment]
if _mishap in ("no ssh rule", "no ssh rule, then killed"):
    firewall.render = _without_ssh  # type: ignore[attr-defined]
if _mishap in ("post-quantum only", "post-quantum only, forced"):
    ssh.render = _post_quantum_only  # type: ignore[attr-defined]
if _mishap == "post-quantum only, forced":
    ssh.SPOKEN.clear()
if _mishap == "no sudo":
    ssh.RIGHTS = "ALL=(ALL:ALL) NOPASSWD: /usr/bin/true"
if _mishap in ("killed before the new login", "no ssh rule, then killed"):
    roles.operations.new_login = _die  # type: ignore[attr-defined, assignment]

converge(base, ssh, firewall)
