"""The updates that there are, and the proof that every app answers as before; `--data reboot=now` reboots for them."""

from pyinfra import host

from roles import patches
from roles.operations import converge

converge(patches.Now(host.data.get("reboot")))
