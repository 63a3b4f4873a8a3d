"""`boxkeeper secrets`: the encrypted values of an environment. They come in by prompt or standard input only."""

from __future__ import annotations

import difflib
import sys
from datetime import date
from pathlib import Path

import click

from commands.inventory import described, inventory_of
from roles import Fault
from roles.secrets import Store


class OneLine(click.Group):
    """Prints a Fault as one line and ends with exit code 2."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except Fault as fault:
            click.echo(f"--> {fault}", err=True)
            context.exit(2)


@click.group(cls=OneLine)
def secrets() -> None:
    """Passwords and keys of an environment: one encrypted file beside its inventory, safe to commit."""


@secrets.command("set")
@click.argument("env")
@click.argument("name")
@click.option("--line", is_flag=True, help="Drop the newline at the end of standard input")
@click.option("--new", is_flag=True, help="Keep it though nothing in the inventory wants it yet")
def set_(env: str, name: str, line: bool, new: bool) -> None:
    """Keep a value, e.g. `boxkeeper secrets set prod note-taker/DEEPGRAM_API_KEY`.

    Asks for it without showing it, or takes all of standard input, byte for byte.
    """
    store = _store(env)
    if not new:
        _wanted(store, name)
    value = click.prompt(f"{name}", hide_input=True) if sys.stdin.isatty() else _piped(name)
    if line:
        value = value.removesuffix("\n")
    elif value.endswith("\n") and value.count("\n") == 1:
        click.echo(f"--> {name} is kept with the newline at its end; `--line` drops it.", err=True)
    store.set(name, value)
    click.echo(f"{name} is in {store.path.name}.")


@secrets.command()
@click.argument("env")
@click.argument("name")
@click.option("--replace", is_flag=True, help="Make another value when there is one")
def generate(env: str, name: str, replace: bool) -> None:
    """Make a value of 40 letters and digits."""
    store = _store(env)
    store.generate(name, replace)
    click.echo(f"{name} is in {store.path.name}.")


@secrets.command()
@click.argument("env")
@click.argument("name")
def remove(env: str, name: str) -> None:
    """Take a value out. A password that was made is made anew by the next run that needs it."""
    store = _store(env)
    store.remove(name)
    click.echo(f"{name} is gone from {store.path.name}; {store.path.name}.previous still has it.")


@secrets.command("list")
@click.argument("env")
def list_(env: str) -> None:
    """Show names, kinds and ages; never values."""
    entries = _store(env).entries()
    width = max(map(len, entries), default=0)
    for name, kept in sorted(entries.items()):
        days = (date.today() - date.fromisoformat(kept.made)).days
        click.echo(f"{name:{width}}  {kept.kind:8}  {kept.made}  {days} days")
    if not entries:
        click.echo("No secrets yet: generated ones are made on the first run, `boxkeeper secrets set` keeps yours.")


def _store(env: str) -> Store:
    if env.endswith(".py"):
        return Store.beside(Path(inventory_of(env)))
    inventory = Path("inventories", f"{env}.py")
    if not inventory.is_file():
        known = ", ".join(sorted(path.stem for path in inventory.parent.glob("[a-z]*.py"))) or "none"
        raise Fault(f"{inventory} is not there (known: {known}): run `boxkeeper init {env}`")
    return Store.beside(inventory)


def _wanted(store: Store, name: str) -> None:
    """Raises Fault for a name that nothing in the inventory reads: only the next run would miss a mistyped one."""
    inventory = store.path.with_suffix(".py")
    try:
        boxes = described(str(inventory.absolute()))
    except Fault:
        return  # it can't be read yet: whatever it will want, it is given
    known = {secret.name for box in boxes for secret in box.wanted_secrets()}
    if boxes and name not in known | set(store.entries()):
        near = difflib.get_close_matches(name, known, 1)
        meant = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(sorted(known)) or 'none'}."
        raise Fault(f"nothing in {inventory} wants {name}; {meant} `--new` keeps it all the same")


def _piped(name: str) -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise Fault(f"{name}: the value is not UTF-8 text (byte {error.start})") from None
