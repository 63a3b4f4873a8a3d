"""`boxkeeper up`: `pyinfra inventories/ENV.py deploys/full.py`, with the checks before it and a summary after it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from commands.converge import command, converge
from commands.inventory import check, inventory_of
from roles import ROOT, Fault
from roles.checks import TIGHT
from roles.server import Server

DEPLOY = "deploys/full.py"


@dataclass(frozen=True)
class Plan:
    """What a run would change, from pyinfra's own plan."""

    operations: int
    changing: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    """Boxes that the plan fits on just so."""


def plan(inventory: str, deploy: str = DEPLOY) -> Plan:
    """Ask pyinfra what it would change. Exits as pyinfra does when it can't tell (bad input, unreachable box)."""
    line = [str(Path(sys.executable).with_name("pyinfra")), *command(inventory, deploy, "--dry", "--json")[1:]]
    done = subprocess.run(line, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not done.stdout.strip():
        click.echo(done.stderr.strip(), err=True)
        sys.exit(done.returncode or 1)
    operations: list[dict[str, Any]] = json.loads(done.stdout)["plan"]
    changing = tuple(op["name"] for op in operations if op["hosts_with_change"])
    return Plan(len(operations), changing, tuple(line for line in done.stderr.splitlines() if f": {TIGHT} " in line))


@click.command()
@click.argument("env")
@click.option("--yes", "-y", is_flag=True, help="Without a question, which only a terminal is asked")
def up(env: str, yes: bool) -> None:
    """Make the boxes of an environment what its inventory says, and say what changed.

    Ends with 1 when the run did not end well, or left something to change.
    """
    inventory = inventory_of(env)
    servers = check(inventory)
    wanted = plan(inventory)
    if not wanted.changing:
        click.echo("Everything is as wanted.")
        _warn(wanted)
        _addresses(servers)
        return
    click.echo(f"{len(wanted.changing)} operations would change something, and what follows from them:")
    for name in wanted.changing:
        click.echo(f"  {name}")
    if not yes and sys.stdin.isatty() and not click.confirm("Go on?", default=True):
        raise Fault("nothing was changed")
    outcome = converge(inventory, DEPLOY)
    if outcome.code != 0:
        _failed(f"the run did not end well; what was done stays, and the same line goes on: `boxkeeper up {env}`")
    after = plan(inventory)
    left = after.changing
    click.echo(f"{outcome.changed} operations changed something; {len(left)} left to change.")
    _warn(after)
    if left:
        _failed(f"still not as wanted: {', '.join(left)}")
    _addresses(servers)


def _failed(reason: str) -> NoReturn:
    click.echo(f"--> {reason}", err=True)
    sys.exit(1)


def _warn(plan: Plan) -> None:
    for line in plan.warnings:
        click.echo(line)


def _addresses(servers: list[Server]) -> None:
    """Where the apps are, for those that have a site."""
    apps = [app for server in servers for app in server.apps if app.routes]
    width = max((len(app.title) for app in apps), default=0)
    for app in apps:
        click.echo(f"  {app.title:{width}}  https://{app.domain}/")
