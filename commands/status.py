"""`boxkeeper status`: how the boxes of an environment and their apps are, on one screen."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import click

from commands.box import logged_in, servers
from onbox.troubles import span, troubles
from roles import Fault
from roles.alerts import query
from roles.apps.release import under_way
from roles.resources import Json
from roles.server import Server


@click.command()
@click.argument("env")
@click.argument("app", required=False)
@click.option("--json", "as_json", is_flag=True, help="For a script")
def status(env: str, app: str | None, as_json: bool) -> None:
    """How the boxes of an environment and their apps are. Ends with 1 when something is not well."""
    boxes = servers(env)
    if app and app not in {each.name for server in boxes for each in server.apps}:
        raise Fault(f"{env} has no app called {app}")
    found = [_ask(server, app) for server in boxes if not app or app in {each.name for each in server.apps}]
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        click.echo("\n\n".join("\n".join(screen(box)) for box in found))
    if any(troubles(box) for box in found):
        sys.exit(1)


def _ask(server: Server, only: str | None) -> Json:
    apps = [app for app in server.apps if only in (None, app.name)]
    with logged_in(server) as box:
        answer = box.ask("status", query(server, apps))
    for app, said in zip(apps, answer["apps"], strict=True):
        said.update(address=f"https://{app.domain}/" if app.routes else "")
    return {"host": server.host, **answer}


def screen(found: Json) -> Iterator[str]:
    """One box as lines for people."""
    box = found["box"]
    yield f"{found['host']}: up {span(box['up'])}, load {box['load']:.2f} on {box['cpus']} CPUs"
    used = [(name, *box[f"{name}_mb"]) for name in ("memory", "disk", "swap")]
    yield "  " + ", ".join(f"{name} {size(part)} of {size(whole)}" for name, part, whole in used if whole)
    if found["backups"]:
        yield f"  backups {_backups(found)}"
    for app in found["apps"]:
        yield ""
        yield f"  {app['name']}  {app['address']}".rstrip()
        yield f"    release      {_release(app['release'])}"
        if app["under_way"]:
            yield f"    under way    {under_way(app['under_way'])}"
        for unit, shown in app["units"].items():
            yield f"    {unit.partition('@')[0].removeprefix(app['name'] + '-'):12} {_unit(shown)}"
        for older in app["ending"]:
            open_ = f"{older['connections']} connections for {span(older['seconds'])} at most"
            yield f"    ending       {older['release']}, {open_}"
        yield f"    health       {app['health'] or 'ok'}"
        if app["certificate"]:
            yield f"    certificate  {_certificate(app['certificate'])}"
    yield ""
    yield from (f"  ! {trouble}" for trouble in troubles(found))
    if not troubles(found):
        yield "  All well."


def _backups(found: Json) -> str:
    """How old the newest backup is, and the newest that was restored for a trial."""
    made, drill, now = found["backups"]["made"], found["backups"]["drill"], found["box"]["time"]
    if made is None:
        return "none yet"
    age = f"{span(now - made['good'])} old" if made["good"] else "never whole"
    tried = f"tried {span(now - drill['good'])} ago" if drill and drill["good"] else "never tried"
    return f"{age}, {tried}"


def _release(record: Json) -> str:
    if record is None:
        return "none is live"
    ref = f" ({record['ref']})" if record.get("ref") else ""
    pinned = f", pinned by {record['who']}" if record["pinned"] else ""
    return f"{record['name']}{ref}, live since {record['time']}{pinned}"


def _unit(shown: Json) -> str:
    used, most = shown["memory_mb"]
    since = f" for {span(shown['seconds'])}" if shown["seconds"] is not None else ""
    memory = f", {used} of {most} MB" if used is not None and most is not None else ""
    restarts = f", started again {shown['restarts']} times" if shown["restarts"] else ""
    return f"{shown['state']}{since}{memory}{restarts}"


def _certificate(found: Json) -> str:
    left = f"{found['days']} days left" if found["days"] >= 0 else "expired"
    return f"self-signed, {left}" if found["self_signed"] else left


def size(megabytes: float) -> str:
    return f"{megabytes / 1024:.1f} GB" if megabytes >= 1024 else f"{megabytes:.0f} MB"
