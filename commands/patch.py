"""`boxkeeper patch`: the updates of the boxes of an environment, one box after the other, each proven to be well."""

from __future__ import annotations

import contextlib
import sys
import time

import click

from commands.box import logged_in, supplied
from commands.converge import converge
from commands.inventory import inventory_of
from onbox.patched import report
from onbox.troubles import span
from roles import Fault
from roles.resources import Json
from roles.server import Server

DEPLOY = "deploys/patch.py"
PATIENCE = 900.0
"""Seconds that a box has to be back, and well, after its reboot."""
STOPPED = "no longer followed; once begun it goes on, on the box: `boxkeeper status ENV` says how it ends"


@click.command()
@click.argument("env")
@click.option("--reboot", is_flag=True, help="Reboot where an update needs it, at once instead of in the window")
def patch(env: str, reboot: bool) -> None:
    """Install the updates that there are, and see that every app answers as before; what broke one is held.

    One box after the other. Ends with 1 at the first that is not well, before it gets to the others.
    """
    inventory, boxes = inventory_of(env), supplied(env)
    more = ["--data", "reboot=now"] if reboot else []
    for number, server in enumerate(boxes):
        outcome = converge(inventory, DEPLOY, "--limit", f"@box/{server.host}", *more, stopped=STOPPED)
        if outcome.code == 2:
            sys.exit(2)
        fault = "" if outcome.code == 0 else "it did not end well"
        if not fault and outcome.changed:
            last = _followed(server)
            click.echo("\n".join([f"{server.host}:", *(f"  {line}" for line in report(last))]))
            fault = last["fault"]
        if fault:
            left = [later.host for later in boxes[number + 1 :]]
            click.echo(f"--> {server.host}: {fault}{'; not begun: ' if left else ''}{', '.join(left)}", err=True)
            sys.exit(1)
        if not outcome.changed:
            click.echo(f"{server.host}: nothing to update")


def _followed(server: Server) -> Json:
    """What was done, once the box is back where it had to reboot. Raises Fault for one that does not come back."""
    began = time.monotonic()
    while (found := _state(server)) is None or found["under_way"]:
        seconds = time.monotonic() - began
        if seconds > PATIENCE:
            raise Fault(f"{server.host}: is not back as it was, {span(PATIENCE)} after its reboot")
        click.echo(f"  {server.host}: reboots ({seconds:.0f} s)")
        time.sleep(5)
    return found["last"]


def _state(server: Server) -> Json:
    """What is known of its updates; None while it can't be asked."""
    with contextlib.suppress(Fault), logged_in(server) as box:
        return box.ask("patches", {"updates": None})
