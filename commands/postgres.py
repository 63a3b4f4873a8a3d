"""`boxkeeper postgres upgrade`: PostgreSQL in the next major version."""

from __future__ import annotations

import sys

import click

from commands.backup import follow
from commands.box import logged_in, supplied
from commands.converge import converge
from commands.inventory import inventory_of
from roles import Fault

DEPLOYS = ("deploys/postgres_upgrade.py", "deploys/full.py")
STOPPED = "no longer followed; once begun it goes on, on the box: `boxkeeper status ENV` says whether all is well"


@click.group()
def postgres() -> None:
    """PostgreSQL on the boxes of an environment."""


@postgres.command()
@click.argument("env")
@click.option("--yes", "-y", is_flag=True, help="Without a question, which only a terminal is asked")
def upgrade(env: str, yes: bool) -> None:
    """Bring the databases to the newest major version that the boxes' distribution has.

    After a backup and its trial. The apps can't reach them for the time that copying takes; the old ones are kept.
    """
    inventory, boxes = inventory_of(env), [server for server in supplied(env) if server.postgres is not None]
    waiting = []
    for server in boxes:
        with logged_in(server) as box:
            found = box.ask("major", None)
        if found["has"] and found["has"] != found["newest"]:
            waiting.append(server)
            click.echo(
                f"{server.host}: PostgreSQL {found['has']} becomes {found['newest']}, after a backup and its trial"
            )
        else:
            click.echo(
                f"{server.host}: PostgreSQL {found['has'] or 'is not there yet'}, the newest of its distribution"
            )
    if waiting and not yes and sys.stdin.isatty() and not click.confirm("The apps are away meanwhile. Go on?"):
        raise Fault("nothing was changed")
    for server in waiting:
        for deploy in DEPLOYS:
            outcome = converge(inventory, deploy, "--limit", f"@box/{server.host}", stopped=STOPPED)
            if outcome.code != 0:
                sys.exit(outcome.code)
        with logged_in(server) as box:  # those of before are of the old version
            if follow(box, "boxkeeper-backup@now.service"):
                sys.exit(1)
