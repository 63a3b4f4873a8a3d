"""From a bare box to running apps. The order is the order of need."""

from roles import apps, base, chroma, firewall, nginx, ollama, postgres, redis, ssh, tls, turn
from roles.operations import converge

converge(base, ssh, firewall, postgres, redis, chroma, ollama, tls, nginx, turn, apps)
