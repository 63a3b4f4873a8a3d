"""`boxkeeper backup`: make backups at once, see what there is, read all of it, restore it for a trial."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

import click

from commands.box import Box, logged_in, servers
from commands.status import size
from onbox.detached import PROGRAM
from onbox.troubles import span
from roles import Fault
from roles.resources import Json
from roles.server import Server

FOLLOWED = """
journalctl --follow --lines=0 --output=cat "_SYSTEMD_UNIT=$1" 2>/dev/null & follows=$!
shift; "$@" 2>/dev/null; code=$?
sleep 0.5; kill $follows; wait $follows 2>/dev/null
exit $code
"""


NOT_THERE = 5
"""What systemctl ends with for a unit that the box does not have."""


@click.group()
def backup() -> None:
    """Backups of the boxes of an environment: databases and files, here and away from the box."""


@backup.command()
@click.argument("env")
def now(env: str) -> None:
    """Make one now, on the box; done when what is away from it has been read back. Ends with 1 when a part failed."""
    _follow(env, "boxkeeper-backup@now.service")


@backup.command()
@click.argument("env")
def verify(env: str) -> None:
    """Read every byte of every backup. Ends with 1 for what is damaged."""
    _follow(env, "boxkeeper-backup@verify.service")


@backup.command()
@click.argument("env")
def drill(env: str) -> None:
    """Restore the newest one for a trial, compare it with what was, and time it. Ends with 1 when it is no backup."""
    _follow(env, "boxkeeper-drill.service")


def _follow(env: str, unit: str) -> None:
    """Run a unit on each box that has backups, and print what it says."""
    codes = []
    for server in kept(env):
        with logged_in(server) as box:
            codes.append(follow(box, unit))
        if codes[-1] == NOT_THERE:
            click.echo(f"--> {server.host}: has no backups yet: `boxkeeper up {env}`", err=True)
    if any(codes):
        sys.exit(1)


def follow(box: Box, unit: str, *program: str) -> int:
    """Start a unit, or join it, and print what it says until it ends; with a program, one made for that.

    It goes on when nobody listens any more. Returns its exit code.
    """
    made = ["systemd-run", "--quiet", "--wait", "--collect", f"--unit={unit}", *PROGRAM, *program]
    return box.show(["sh", "-c", FOLLOWED, "sh", unit, *(made if program else ["systemctl", "start", unit])])


def kept(env: str) -> list[Server]:
    """The boxes that have backups. Raises Fault where none has."""
    found = [server for server in servers(env) if server.backups is not None]
    if not found:
        raise without(env)
    return found


def without(env: str) -> Fault:
    """What is said where nothing is backed up."""
    return Fault(f"{env} has no backups: write `backups=Backups()` into its Server, and `boxkeeper up {env}`")


@backup.command("list")
@click.argument("env")
@click.option("--json", "as_json", is_flag=True, help="For a script")
def list_(env: str, as_json: bool) -> None:
    """What there is to go back to, in each place."""
    found = []
    for server in kept(env):
        with logged_in(server) as box:
            found.append({"host": server.host, **box.ask("backups", None)})
    click.echo(json.dumps(found, indent=1) if as_json else "\n\n".join("\n".join(screen(each)) for each in found))


def screen(found: Json) -> Iterator[str]:
    """One box as lines for people."""
    yield f"{found['host']}:"
    for place in found["repositories"]:
        yield f"  {place['name']}"
        if place["fault"]:
            yield f"    ! {place['fault']}"
        for one in place["postgres"]:
            kind = "PostgreSQL, whole" if one["type"] == "full" else "PostgreSQL, changes"
            yield f"    {_when(one['stop'])}  {kind}, {size(one['bytes'] >> 20)}"
        for one in place["files"]:
            yield f"    {one['time'][:16].replace('T', ' ')}  files"
    if found["last"] is None:
        yield "  none yet; the first one begins a minute after the run that asked for it"
        return
    yield f"  the newest took {span(found['last']['stop'] - found['last']['start'])}"
    yield from (f"  ! {place}: {reason}" for place, reason in found["last"]["failed"].items())


def _when(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(moment))
