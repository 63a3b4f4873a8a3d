"""`boxkeeper demo`: the main job on a real local box, from nothing to an app that answers."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from commands.converge import converge
from roles import ROOT, Fault
from roles.secrets import Store

INVENTORY = "inventories/docker.py"
NAME = os.environ.get("BOXKEEPER_TARGET", "boxkeeper")
PLACEHOLDERS = {
    "ai-note-taker/DEEPGRAM_API_KEY": "demo-placeholder-key",
    "ai-note-taker/GEMINI_API_KEY": "demo-placeholder-key",
    "the-chatty-ai/TWILIO_ACCOUNT_SID": "AC-demo-placeholder",
    "the-chatty-ai/TWILIO_AUTH_TOKEN": "demo-placeholder-key",
    "the-chatty-ai/VAPI_SECRET": "demo-placeholder-key",
    # as Google gives them: quotes, newlines, and newlines in quotes
    "the-chatty-ai/GOOGLE_CREDENTIALS": '{\n  "private_key": "-----BEGIN\\n+/=\\n",\n  "odd": "$HOME %s `\\"\'"\n}\n',
    "the-chatty-ai/GOOGLE_TOKEN": '{"refresh_token": "1//0demo", "scopes": ["a b"]}',
}
"""Keys that only you can supply. The demo's apps call nobody, so any value of their kind will do."""


@click.command()
@click.option("--remove", is_flag=True, help="Remove the target and all that belongs to it")
def demo(remove: bool) -> None:
    """Make a box on this machine and run the main job on it. A second time, it reports no change."""
    from target.box import Target  # docker's library takes a second to load: only where it is used

    if remove:
        _remove()
        return
    started = time.monotonic()
    target = Target.start(NAME, progress=lambda line: click.echo(f"  {line}"))
    placeholders()
    outcome = converge(INVENTORY, "deploys/full.py")
    if outcome.code != 0:
        raise Fault("the run did not end well; mend what it says above and run it again: `./boxkeeper demo`")
    _report(target.port(443), outcome.changed, time.monotonic() - started)


def _remove() -> None:
    from target.box import Target, remove_all, targets

    target = Target.find(NAME)
    if target is not None:
        target.remove()
    if not targets():
        remove_all()  # the images too: nobody else needs them
    for name in ("docker.secrets", "docker.secrets.previous", "docker.recipients"):
        (ROOT / "inventories" / name).unlink(missing_ok=True)
    click.echo("The target is gone. `./boxkeeper demo` makes another one.")


def placeholders() -> None:
    """Put something where the demo's inventory wants keys that it does not need."""
    store = Store.beside(Path(ROOT, INVENTORY))
    for name, value in PLACEHOLDERS.items():
        if name not in store.entries():
            store.set(name, value)


def _report(port: int, changed: int, seconds: float) -> None:
    from commands.probe import probe

    click.echo("")
    results = probe("notes.localhost", "127.0.0.1", port)
    for result in results:
        click.echo(f"  {'ok  ' if result.ok else 'BAD '} {result.name}{f': {result.detail}' if result.detail else ''}")
    click.echo("")
    click.echo(f"{f'{changed} operations changed something' if changed else 'No change'} ({seconds:.0f} s).")
    click.echo(f"The app:  https://notes.localhost:{port}/  (self-signed: your browser will ask)")
    click.echo("Next:     ./boxkeeper demo            again: nothing changes")
    click.echo("          ./boxkeeper init prod       for your own server")
    click.echo("          ./boxkeeper demo --remove   to clean up")
    if not all(result.ok for result in results):
        sys.exit(1)
