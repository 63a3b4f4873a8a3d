"""ChromaDB, and what it stands on."""

from roles import base, chroma
from roles.operations import converge

converge(base, chroma)
