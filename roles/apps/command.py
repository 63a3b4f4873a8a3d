"""A command of an app, as its units run it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from roles.apps import node
from roles.apps.app import App
from roles.apps.parts import Node

if TYPE_CHECKING:
    from roles.apps.parts import Process

SYSTEM = "/usr/local/bin:/usr/bin:/bin"


def path(app: App, release: str, directory: str = ".") -> str:
    """PATH of what runs in a folder of a release: the app's own programs before the box's.

    A workspace's packages have their programs at the top of the source.
    """
    root = f"{app.root}/{release}"
    own = [f"{root}/.venv/bin"]
    if app.uses_npm:
        own += [f"{root}/{folder}/node_modules/.bin".replace("/./", "/") for folder in dict.fromkeys((directory, "."))]
    return ":".join([*own, *node.path(app), SYSTEM])


def unit_command(app: App, command: str) -> str:
    """A command as a unit's ExecStart, systemd's own `%` and `$` taken literally.

    env(1) finds the program on the app's PATH, as the app's user. systemd itself looks for it as a root without a
    root's rights (PrivateUsers=), which may not enter the app's folder because nginx's group is unknown to it.
    A script of package.json runs without npm, which would stay in memory and swallow signals.
    """
    if isinstance(app.runtime, Node) and (script := re.fullmatch(r"npm (?:run )?(start|(?<=run )[\w:.-]+)", command)):
        return f"/usr/bin/python3 -I /usr/local/lib/boxkeeper scripts run {script[1]}"
    return literal(command if command.startswith("/") else f"/usr/bin/env {command}")


def literal(command: str) -> str:
    return command.replace("%", "%%").replace("$", "$$")


def jit(app: App, process: Process | None = None) -> bool:
    """Whether it compiles as it runs, which the sandbox must allow."""
    return isinstance(app.runtime, Node) or (process is not None and process.jit)
