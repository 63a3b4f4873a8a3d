"""Only the apps: what you run after a change of an app's source or settings."""

from roles import apps, drift
from roles.operations import converge

converge(apps, drift)
