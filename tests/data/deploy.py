"""What keeps data, and what it stands on."""

from roles import base, postgres, redis
from roles.operations import converge

converge(base, postgres, redis)
