"""`boxkeeper export` and `import`: an app's database as a dump, and out of one or of another server."""

from __future__ import annotations

import json
import sys

import click

from commands.box import Box, logged_in, with_app
from onbox.detached import PROGRAM
from roles import Fault
from roles.apps import App
from roles.resources import Json
from roles.server import Server


@click.command()
@click.argument("env")
@click.argument("app")
def export(env: str, app: str) -> None:
    """Write an app's database to standard output, as plain SQL that any PostgreSQL takes."""
    server, wanted = _with_database(env, app)
    if sys.stdout.isatty():
        raise Fault(f"write it to a file: `boxkeeper export {env} {app} > {app}.sql`")
    with logged_in(server) as box:
        sys.exit(box.show([*PROGRAM, "imports", "export", wanted.database]))


@click.command("import")
@click.argument("env")
@click.argument("app")
@click.option("--url", is_flag=True, help="From another server, whose postgresql:// address is asked for")
@click.option("--follow", is_flag=True, help="With --url: and whatever changes there, until --replace")
@click.option("--replace", is_flag=True, help="Put what was imported in the place of what is live")
@click.option("--forget", is_flag=True, help="Drop what was imported")
def import_(env: str, app: str, url: bool, follow: bool, replace: bool, forget: bool) -> None:
    """Bring a dump on standard input into an app's database: plain SQL of pg_dump, gzipped, or its own format.

    Into a database beside the live one, with its rows compared. With --replace, which asks you to type the app's name,
    that one takes the place of the live one, which is kept by another name.
    """
    server, wanted = _with_database(env, app)
    asked = {"database": wanted.database, "into": f"{wanted.database}_imported", "url": url}
    if follow and not url:
        raise Fault("--follow goes with --url: a dump does not change")
    if forget:
        with logged_in(server) as box:
            sys.exit(_run(box, "forget", asked))
    if replace:
        if click.prompt(f"This replaces what {app} has now. Type its name to go on", default="") != app:
            raise Fault("nothing was changed")
        with logged_in(server) as box:
            sys.exit(_run(box, "place", asked))
    sent = _address() if url else None
    if sent is None and sys.stdin.isatty():
        raise Fault(f"give it a dump: `boxkeeper import {env} {app} < {app}.sql`, or `--url`")
    with logged_in(server) as box:
        code = _run(box, "begin_to_follow" if follow else "run", asked, sent)
    if code:
        click.echo("--> what is live is as it was", err=True)
        sys.exit(1)
    to = "When the app over there is stopped, put" if follow else "To put"
    click.echo(f"{to} it in place: `boxkeeper import {env} {app} --replace`")


def _with_database(env: str, app: str) -> tuple[Server, App]:
    server, wanted = with_app(env, app)
    if server.postgres is None or "postgres" not in wanted.needs:
        raise Fault(f"{app} has no database: its class does not need postgres")
    return server, wanted


def _address() -> bytes:
    """The address with its password: never an argument, never shown."""
    if sys.stdin.isatty():
        return str(click.prompt("Address, postgresql://...", hide_input=True)).encode()
    return sys.stdin.buffer.read()


def _run(box: Box, verb: str, asked: Json, sent: bytes | None = None) -> int:
    return box.show([*PROGRAM, "imports", verb, json.dumps(asked)], sent)
