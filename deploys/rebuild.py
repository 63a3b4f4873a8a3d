"""What was backed up of a box that is lost, on a new one that has nothing yet. After it: `deploys/full.py`."""

from roles import base, chroma, postgres, redis
from roles.operations import converge
from roles.rebuilding import Rebuilding

converge(base, postgres, redis, chroma, Rebuilding())
