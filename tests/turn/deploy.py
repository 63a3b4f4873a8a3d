from roles import base, firewall, nginx, tls, turn
from roles.operations import converge

converge(base, firewall, tls, nginx, turn)
