"""Apps: one file each. An inventory imports the ones it wants; there is no registry."""

from roles.apps.app import App, Folder
from roles.apps.git import Git
from roles.apps.parts import Frontend, Job, Limits, Node, Process, Python, Rate, Route
from roles.apps.role import wanted

__all__ = ["App", "Folder", "Frontend", "Git", "Job", "Limits", "Node", "Process", "Python", "Rate", "Route", "wanted"]
