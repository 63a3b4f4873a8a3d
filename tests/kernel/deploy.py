"""The role whose work a container shows only in part."""

from roles import base
from roles.operations import converge

converge(base)
