"""`boxkeeper restore`: what an app had at some time, brought beside what it has now, or into its place."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime, timezone

import click

from commands.backup import follow, without
from commands.box import logged_in, with_app
from roles import Fault, backups
from roles.apps import App
from roles.resources import Json
from roles.server import Server


@click.command()
@click.argument("env")
@click.argument("app")
@click.option("--at", metavar="TIME", help="As it was then, UTC, e.g. '2026-11-27 09:30'; else as it was last")
@click.option("--into", metavar="NAME", help="What the restored database is called; APP_restored by default")
@click.option("--table", "tables", multiple=True, metavar="NAME", help="Of the database this table alone")
@click.option(
    "--file", "files", multiple=True, metavar="PATH", help="This file or folder alone, by its path on the box"
)
@click.option("--replace", is_flag=True, help="Put it in the place of what is live; asks you to type the app's name")
@click.option("--here", is_flag=True, help="From the copy on the box, not from the one away from it")
def restore(
    env: str,
    app: str,
    at: str | None,
    into: str | None,
    tables: tuple[str, ...],
    files: tuple[str, ...],
    replace: bool,
    here: bool,
) -> None:
    """Bring back what an app had: its database, its files, its ChromaDB.

    Into a database and a folder beside the live ones, compared with what was backed up. With --replace these take the
    place of the live ones, which are kept by other names. Redis is left alone: its queue would be worked again.
    """
    server, wanted = with_app(env, app)
    if server.backups is None:
        raise without(env)
    if replace and (tables or files):
        raise Fault("--replace takes the whole app; a table or a file is yours to move from where it is restored to")
    asked = {
        "at": moment(at) if at else None,
        "into": _name(wanted, into),
        "tables": list(tables),
        "files": [_path(path) for path in files],
        "replace": replace,
        "from": 0 if here or server.backups.offsite is None else 1,
        **having(server, wanted, databases_alone=bool(tables)),
    }
    if replace and click.prompt(f"This replaces what {app} has now. Type its name to go on", default="") != app:
        raise Fault("nothing was changed")
    with logged_in(server) as box:
        code = follow(box, f"boxkeeper-restore-{app}.service", "restore", "run", json.dumps(asked))
    if code:
        sys.exit(1)
    if not replace and not tables and not files:
        click.echo(f"To put it in place: `boxkeeper restore {env} {app}{f' --at {at!r}' if at else ''} --replace`")


def having(server: Server, app: App, databases_alone: bool) -> Json:
    """What an app has that is backed up."""
    services = [] if databases_alone else [each for each in backups.services(server) if each["app"] == app.name]
    has_database = server.postgres is not None and "postgres" in app.needs
    return {
        "app": app.name,
        "database": app.database if has_database else None,
        "folders": [] if databases_alone else [f"{app.root}/shared"],
        "services": [each for each in services if each["kind"] != "redis"],
    }


def moment(text: str) -> str:
    """A time as PostgreSQL takes it, UTC. Raises Fault for what is none, or has not been yet."""
    try:
        then = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise Fault(f"{text!r} is no time; write it like '2026-11-27 09:30', UTC") from None
    then = then.astimezone(timezone.utc) if then.tzinfo else then.replace(tzinfo=timezone.utc)
    if then > datetime.now(timezone.utc):
        raise Fault(f"{text!r} has not been yet; times are UTC")
    return then.strftime("%Y-%m-%d %H:%M:%S")


def _name(app: App, into: str | None) -> str:
    name = into or f"{app.database}_restored"
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
        raise Fault(f"{name!r} is no name of a database; use a-z, 0-9 and _, at most 63")
    if name == app.database:
        raise Fault(f"{name} is the live one; `--replace` puts the restored one in its place")
    return name


def _path(path: str) -> str:
    if not path.startswith("/"):
        raise Fault(f"{path!r}: write the whole path on the box, e.g. `/srv/app/shared/{path}`")
    return path
