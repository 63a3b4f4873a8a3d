"""`boxkeeper drift`: what differs on the boxes from what their inventory says, and what it does not mention at all."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import click

from commands.box import logged_in, supplied
from onbox.troubles import troubles
from roles import drift as role
from roles.alerts import query
from roles.order import ORDER, plan
from roles.resources import Json
from roles.server import Server


@click.command()
@click.argument("env")
@click.option("--json", "as_json", is_flag=True, help="For a script")
def drift(env: str, as_json: bool) -> None:
    """What differs from the inventory, and what is not from it. Changes nothing; ends with 1 when there is any."""
    found = [_ask(server) for server in supplied(env)]
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        click.echo("\n\n".join("\n".join(screen(box)) for box in found))
    if any(box["differs"] or box["strangers"] for box in found):
        sys.exit(1)


def _ask(server: Server) -> Json:
    """Everything about one box, in one exec."""
    wanted = list(plan(server, (*ORDER, role)))
    asked = [(resource.kind, resource.query()) for _, resource in wanted]
    with logged_in(server) as box:
        *answers, found, now = box.answers([*asked, ("drift", role.described(server)), ("status", query(server))])
    pairs = zip(wanted, answers, strict=True)
    differs = {label: list(each.differences(answer)) for (label, each), answer in pairs}
    return {
        "host": server.host,
        "differs": {label: lines for label, lines in differs.items() if lines},
        "troubles": troubles(now),
        **found,
    }


def screen(found: Json) -> Iterator[str]:
    """One box as lines for people."""
    yield f"{found['host']}:"
    if not found["differs"]:
        yield "  as the inventory describes it"
    for label, lines in found["differs"].items():
        yield f"  {label}"
        yield from (f"    {line}" for line in lines)
    if found["strangers"]:
        yield "  not from the inventory"
        yield from (f"    {line}" for line in found["strangers"])
    if found["full_in_days"] is not None:
        yield f"  the disk is full in {found['full_in_days']:.0f} days, at this pace"
    yield from (f"  ! {trouble}" for trouble in found["troubles"])
