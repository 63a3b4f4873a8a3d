"""The store that an environment's name means, what its inventory wants of it, and values as a user gives them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from commands.inventory import described, inventory_of
from roles import Fault
from roles.secrets import Secret, Store


def store_of(env: str) -> Store:
    """The secrets beside an inventory. Raises Fault where that is not there."""
    if env.endswith(".py"):
        return Store.beside(Path(inventory_of(env)))
    inventory = Path("inventories", f"{env}.py")
    if not inventory.is_file():
        known = ", ".join(sorted(path.stem for path in inventory.parent.glob("[a-z]*.py"))) or "none"
        raise Fault(f"{inventory} is not there (known: {known}): run `boxkeeper init {env}`")
    return Store.beside(inventory)


def wishes(store: Store) -> dict[str, Secret] | None:
    """What the inventory wants, by name; None where it can't be read yet, or describes no box."""
    try:
        boxes = described(str(store.path.with_suffix(".py").absolute()))
    except Fault:
        return None
    if not boxes:
        return None
    return {secret.name: secret for box in reversed(boxes) for secret in reversed(list(box.wanted_secrets()))}


def typed(name: str, line: bool) -> str:
    """A value: asked for without showing it, or all of standard input. `line` drops the newline at its end."""
    value = click.prompt(f"{name}", hide_input=True) if sys.stdin.isatty() else _piped(name)
    if line:
        return value.removesuffix("\n")
    if value.endswith("\n") and value.count("\n") == 1:
        click.echo(f"--> {name} is kept with the newline at its end; `--line` drops it.", err=True)
    return value


def _piped(name: str) -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise Fault(f"{name}: the value is not UTF-8 text (byte {error.start})") from None
