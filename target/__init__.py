"""The target: a throw-away box with systemd, in a container, that tests and the demo are run against."""

from roles import ROOT

STATE = ROOT / ".boxkeeper"
"""Where keys, logs and locks of targets are kept; safe to delete once every target is removed."""

LABEL = "boxkeeper.target"
"""On every container and image of ours; the value on a container is the name of the target."""

CHECKOUT = "boxkeeper.checkout"
"""On every container of ours: the STATE with the keys that it was made for."""
