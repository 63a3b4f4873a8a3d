"""`boxkeeper rebuild`: a box that was lost, on a new one, as it was when it was last backed up."""

from __future__ import annotations

import os
import sys
import time

import click

from commands.box import logged_in, supplied
from commands.converge import converge
from commands.inventory import inventory_of
from onbox.troubles import span
from roles import Fault
from roles.resources import Json
from roles.server import ONTO, Server

DEPLOYS = ("deploys/rebuild.py", "deploys/full.py")


@click.command()
@click.argument("env")
@click.option("--onto", required=True, metavar="HOST", help="Address of the new box, on which nothing is yet")
@click.option("--of", "of", metavar="HOST", help="Which box was lost, where the inventory has several")
def rebuild(env: str, onto: str, of: str | None) -> None:
    """Bring a new box to what a lost one was when it was last backed up: databases, files, apps.

    Cut off, the same line goes on. The inventory is not changed; the line to edit is said in the end.
    """
    started, inventory = time.monotonic(), inventory_of(env)
    lost = _lost(supplied(env), of, env)
    if lost.host != onto:
        _must_be_gone(lost)
    os.environ[ONTO] = f"{lost.host}={onto}"
    for deploy in DEPLOYS:
        outcome = converge(inventory, deploy, "--limit", f"@box/{onto}")
        if outcome.code != 0:
            click.echo(
                f"--> not rebuilt; what was done stays, and the same line goes on: `{_line(env, onto, of)}`", err=True
            )
            sys.exit(outcome.code)
    [new] = [server for server in supplied(env) if server.host == onto]
    for line in report(_found(new), time.monotonic() - started):
        click.echo(line)
    if lost.host != onto:
        click.echo(f'Now write `host="{onto}"` into {inventory}, and lead its domains there.')


def _line(env: str, onto: str, of: str | None) -> str:
    return f"boxkeeper rebuild {env} --onto {onto}{f' --of {of}' if of else ''}"


def _lost(boxes: list[Server], of: str | None, env: str) -> Server:
    """The box that is meant. Raises Fault where that is not clear."""
    hosts = [server.host for server in boxes]
    if of is None and len(boxes) > 1:
        raise Fault(f"{env} has {len(boxes)} boxes; say which one was lost: `--of {hosts[0]}`")
    if of is not None and of not in hosts:
        raise Fault(f"{env} has no box {of}; there is {', '.join(hosts)}")
    return boxes[0] if of is None else boxes[hosts.index(of)]


def _must_be_gone(lost: Server) -> None:
    """Raises Fault while the old box answers: two would write into one place of backups."""
    try:
        with logged_in(lost):
            pass
    except Fault:
        return
    raise Fault(f"{lost.host} still answers: turn it off first, else both write into the same backups")


def _found(server: Server) -> Json:
    with logged_in(server) as box:
        return box.ask("rebuild", {"databases": []})["record"]


def report(record: Json, seconds: float) -> list[str]:
    """What came back, of when, and how long it took."""
    lines = [f"Rebuilt in {span(seconds)}."]
    if record["rows"] is not None:
        until = f", changes until {record['changes']} UTC" if record["changes"] else ""
        lines.append(f"  databases: {record['rows']} rows{until}")
    return [*lines, f"  files: as of {record['files'][:19].replace('T', ' ')}"]
