"""PostgreSQL in the newest major version of the distribution; the old one is kept. After it: `deploys/full.py`."""

from roles.major import Newest
from roles.operations import converge

converge(Newest())
