"""PostgreSQL and its backups."""

from roles import backups, base, postgres
from roles.operations import converge

converge(base, postgres, backups)
