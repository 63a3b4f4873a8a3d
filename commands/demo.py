"""`boxkeeper demo`: the main job on a real local box, from nothing to an app that answers."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from commands.converge import converge
from commands.inventory import check
from roles import ROOT, Fault
from roles.secrets import Store

ONE = "inventories/docker.py"
FIVE = "inventories/five.py"
NAME = os.environ.get("BOXKEEPER_TARGET", "boxkeeper")
KEY = "demo-placeholder-key"
PLACEHOLDERS = {
    "ai-note-taker/DEEPGRAM_API_KEY": KEY,
    "ai-note-taker/GEMINI_API_KEY": KEY,
    "the-chatty-ai/TWILIO_ACCOUNT_SID": "AC-demo-placeholder",
    "the-chatty-ai/TWILIO_AUTH_TOKEN": KEY,
    "the-chatty-ai/VAPI_SECRET": KEY,
    # as Google gives them: quotes, newlines, and newlines in quotes
    "the-chatty-ai/GOOGLE_CREDENTIALS": '{\n  "private_key": "-----BEGIN\\n+/=\\n",\n  "odd": "$HOME %s `\\"\'"\n}\n',
    "the-chatty-ai/GOOGLE_TOKEN": '{"refresh_token": "1//0demo", "scopes": ["a b"]}',
    "rodeo-ai/OPENAI_API_KEY": KEY,
    "rodeo-ai/STRIPE_SECRET_KEY": KEY,
    "rodeo-ai/STRIPE_WEBHOOK_SECRET": KEY,
}
"""Keys that only you can supply. The demo's apps call nobody, so any value of their kind will do."""


@click.command()
@click.option("--five", is_flag=True, help="All five apps on one box, not one: minutes, and 4 GB of memory")
@click.option("--remove", is_flag=True, help="Remove the target and all that belongs to it")
def demo(five: bool, remove: bool) -> None:
    """Make a box on this machine and run the main job on it. A second time, it reports no change."""
    from target import ollama
    from target.box import Target  # docker's library takes a second to load: only where it is used

    if remove:
        _remove()
        return
    started = time.monotonic()
    target = Target.start(NAME, progress=lambda line: click.echo(f"  {line}"))
    inventory = FIVE if five else ONE
    if five:
        ollama.offer(target)
    placeholders(inventory)
    outcome = converge(inventory, "deploys/full.py")
    if outcome.code != 0:
        raise Fault(f"the run did not end well; mend what it says above and run it again: `{_again(five)}`")
    _report(target.port(443), five, outcome.changed, time.monotonic() - started)


def _again(five: bool) -> str:
    return f"./boxkeeper demo{' --five' if five else ''}"


def _remove() -> None:
    from target.box import Target, remove_all, targets

    target = Target.find(NAME)
    if target is not None:
        target.is_orphan()  # raises Fault where it is another copy's, which alone may remove it
        target.remove()
    if not targets():
        remove_all()  # the images too: nobody else needs them
    for inventory in (ONE, FIVE):
        for ending in (".secrets", ".secrets.previous", ".recipients"):
            (ROOT / inventory).with_suffix(ending).unlink(missing_ok=True)
    click.echo("The target is gone. `./boxkeeper demo` makes another one.")


def placeholders(inventory: str) -> None:
    """Put something where an inventory of ours wants keys that it does not need."""
    store = Store.beside(Path(ROOT, inventory))
    kept = store.entries()
    for name, value in PLACEHOLDERS.items():
        if name not in kept and (inventory == FIVE or name.startswith("ai-note-taker/")):
            store.set(name, value)


def _report(port: int, five: bool, changed: int, seconds: float) -> None:
    from commands.probe import healthy, probe

    click.echo("")
    results = probe("notes.localhost", "127.0.0.1", port)
    apps = check(FIVE)[0].apps if five else ()
    results += [healthy(app.domain, app.health, "127.0.0.1", port) for app in apps]
    for result in results:
        click.echo(f"  {'ok  ' if result.ok else 'BAD '} {result.name}{f': {result.detail}' if result.detail else ''}")
    click.echo("")
    click.echo(f"{f'{changed} operations changed something' if changed else 'No change'} ({seconds:.0f} s).")
    for domain in [app.domain for app in apps] or ["notes.localhost"]:
        click.echo(f"The app:  https://{domain}:{port}/  (self-signed: your browser will ask)")
    click.echo(f"Next:     {_again(five):27} again: nothing changes")
    click.echo("          ./boxkeeper init prod       for your own server")
    click.echo("          ./boxkeeper demo --remove   to clean up")
    if not all(result.ok for result in results):
        sys.exit(1)
