"""Other passwords, and no other version of any app: what `boxkeeper secrets rotate` runs after each of its steps."""

from pyinfra import host

from roles import backups, chroma, drift, postgres, redis, turn
from roles.apps.asked import Environments
from roles.operations import converge

converge(postgres, redis, chroma, turn, backups, Environments(host.data.get("app")), drift)
