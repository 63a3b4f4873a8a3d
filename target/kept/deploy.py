"""What keeps data, what it stands on, and its backups."""

from roles import backups, base, chroma, postgres, redis
from roles.operations import converge

converge(base, postgres, redis, chroma, backups)
