from roles import nginx, tls
from roles.operations import converge

converge(tls, nginx)
