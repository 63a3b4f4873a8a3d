"""An earlier release of one app is live again: `--data app=NAME --data to=RELEASE`."""

from pyinfra import host

from roles.apps.asked import Earlier
from roles.operations import converge

converge(Earlier(host.data.get("app"), host.data.get("to")))
