"""The target: a throw-away box with systemd, in a container, that tests and the demo are run against."""

import hashlib

from roles import ROOT

STATE = ROOT / ".boxkeeper"
"""Where keys, logs and locks of targets are kept; safe to delete once every target is removed."""

LABEL = "boxkeeper.target"
"""On every container and image of ours; the value on a container is the name of the target."""

CHECKOUT = "boxkeeper.checkout"
"""On every container of ours: the STATE with the keys that it was made for."""


def own(name: str) -> str:
    """A target's name that no other copy of this project uses: their tests may run beside ours."""
    return f"{name}-{hashlib.sha256(str(STATE).encode()).hexdigest()[:6]}"
