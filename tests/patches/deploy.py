"""One app, what it needs, and the updates of its box."""

from roles import apps, base, nginx, patches, postgres, redis, tls
from roles.operations import converge

converge(base, postgres, redis, tls, nginx, apps, patches)
