"""`boxkeeper secrets`: the encrypted values of an environment. They come in by prompt, standard input or editor."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from commands import editor
from commands.rotate import rotate
from commands.store import store_of, typed, wishes
from roles import Fault, keys, sheet
from roles.readers import Reader
from roles.rotation import LONGEST_DAYS, Kept
from roles.secrets import Secret, Store


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
    store = store_of(env)
    if not new:
        _wanted(store, name)
    store.set(name, typed(name, line))
    click.echo(f"{name} is in {store.path.name}.")


@secrets.command()
@click.argument("env")
@click.argument("name")
@click.option("--replace", is_flag=True, help="Make another value when there is one")
def generate(env: str, name: str, replace: bool) -> None:
    """Make a value: 40 letters and digits, or an SSH key where that is what is wanted."""
    store = store_of(env)
    wish = (wishes(store) or {}).get(name)
    store.generate(name, replace, wish.kind if wish else "password")
    click.echo(f"{name} is in {store.path.name}.")


@secrets.command()
@click.argument("env")
@click.argument("name")
def remove(env: str, name: str) -> None:
    """Take a value out. A password that was made is made anew by the next run that needs it."""
    store = store_of(env)
    store.remove(name)
    click.echo(f"{name} is gone from {store.path.name}; {store.path.name}.previous still has it.")


@secrets.command()
@click.argument("env")
@click.argument("name")
def show(env: str, name: str) -> None:
    """Print a value, byte for byte and with nothing after it."""
    value = store_of(env).reveal(name)
    click.echo(value.encode(), nl=False)


@secrets.command()
@click.argument("env")
def edit(env: str) -> None:
    """Change many values in your editor ($VISUAL, $EDITOR). What you leave as it is keeps its age."""
    store = store_of(env)
    before = {name: kept.value for name, kept in store.entries().items()}
    text = sheet.written(before, *EDITED)
    changed: list[str] = []
    with editor.opened(f"{store.path.name}.txt", text) as edited:
        while True:
            try:
                changed = store.change(before, sheet.read(edited()))
                break
            except Fault as fault:
                editor.again(fault)
    click.echo(f"Changed in {store.path.name}: {', '.join(changed)}." if changed else "Nothing was changed.")


EDITED = (
    "Secrets in clear: APP/NAME = VALUE, one a line. A line that you take out is a secret that you take out.",
    "A value of several lines stands between `NAME = <<<` and a line with >>>; any other one is a JSON string.",
)


@secrets.command()
@click.argument("env")
@click.argument("key")
def share(env: str, key: str) -> None:
    """Let somebody read everything: by their public key (age1... or ssh-ed25519 ...), or the file of one."""
    store, reader = store_of(env), Reader.given(key)
    store.share(reader)
    click.echo(f"{reader} can read {store.path.name} from now on; commit it and {store.recipients.name}.")


@secrets.command()
@click.argument("env")
@click.argument("key")
def revoke(env: str, key: str) -> None:
    """Let somebody read no more: by their public key, the file of one, or the name in the recipients' file.

    Lists what they could read until now, and has to be another one.
    """
    store = store_of(env)
    gone, read = store.revoke(key)
    click.echo(f"{gone} can't read {store.path.name} from now on; commit it and {store.recipients.name}.")
    if read:
        click.echo("What they have read they know, and older commits they can still open. To be changed:")
    for name in sorted(read):
        click.echo(f"    {another(env, name)}")


@secrets.command("list")
@click.argument("env")
@click.option("--json", "as_json", is_flag=True, help="For a script")
def list_(env: str, as_json: bool) -> None:
    """Show names, kinds and ages, and what is missing; never values."""
    store = store_of(env)
    found = listed(env, store.entries(), wishes(store) or {})
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    width = max((len(one["name"]) for one in found), default=0)
    for one in found:
        click.echo(f"{one['name']:{width}}  {_line(one)}")
    for one in found:
        if one["old"]:
            click.echo(f"--> {one['name']} is older than {LONGEST_DAYS} days: `{one['run']}`", err=True)
    if not found:
        click.echo("No secrets yet: generated ones are made on the first run, `boxkeeper secrets set` keeps yours.")


def listed(env: str, entries: Mapping[str, Kept], wishes: Mapping[str, Secret]) -> list[dict[str, Any]]:
    """Each secret that is there or wanted, by name: its age in days, and the line to type where something is to do."""
    return list(_listed(env, entries, wishes))


def _listed(env: str, entries: Mapping[str, Kept], wishes: Mapping[str, Secret]) -> Iterator[dict[str, Any]]:
    for name in sorted({*entries, *wishes}):
        kept, wish = entries.get(name), wishes.get(name)
        about = {"name": name, "needed_by": wish.needed_by if wish else None}
        if kept:
            old = kept.days > LONGEST_DAYS
            line = another(env, name) if old else None
            yield {
                **about,
                "kind": kept.kind,
                "made": kept.made,
                "days": kept.days,
                "old": old,
                "phase": kept.phase or None,
                "run": line,
                "public": keys.public_of(kept.value) if kept.kind == "key" else None,
            }
        elif wish:
            kind = "made by the next run" if wish.generated else "optional" if wish.optional else "missing"
            line = None if wish.generated else f"boxkeeper secrets set {env} {name}"
            yield {
                **about,
                "kind": kind,
                "made": None,
                "days": None,
                "old": False,
                "phase": None,
                "run": line,
                "public": None,
            }


def _line(one: Mapping[str, Any]) -> str:
    if one["made"] is None:
        how = f": `{one['run']}`" if one["run"] else ""
        return f"{one['kind']}, for {one['needed_by']}{how}"
    phase = f"  being rotated ({one['phase']})" if one["phase"] else ""
    public = f"  {one['public']}" if one["public"] else ""
    return f"{one['kind']:8}  {one['made']}  {one['days']} days{phase}{public}"


def another(env: str, name: str) -> str:
    """The line that gives a secret another value."""
    return f"boxkeeper secrets rotate {env} {name.replace('/', ' ')}"


def _wanted(store: Store, name: str) -> None:
    """Raises Fault for a name that nothing in the inventory reads: only the next run would miss a mistyped one."""
    known = wishes(store)
    if known is not None and name not in {*known, *store.entries()}:
        near = difflib.get_close_matches(name, known, 1)
        meant = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(sorted(known)) or 'none'}."
        inventory = store.path.with_suffix(".py")
        raise Fault(f"nothing in {inventory} wants {name}; {meant} `--new` keeps it all the same")


secrets.add_command(rotate)
