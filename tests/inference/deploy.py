"""What a box with one app and no databases needs, less what would close this machine's way to it."""

from roles import apps, base, firewall, nginx, tls
from roles.operations import converge

converge(base, firewall, tls, nginx, apps)
