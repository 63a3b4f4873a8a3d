"""`boxkeeper status`: how the boxes of an environment and their apps are, on one screen."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence

import click

from commands.box import logged_in, servers
from roles import Fault
from roles.apps import App
from roles.apps.release import under_way
from roles.resources import Json
from roles.server import Server

FULL = 0.9
"""Of memory or disk, from which on it is worth a word."""
STALE, UNTRIED = 26 * 3600.0, 8 * 86400.0
"""Seconds after which a backup, and a drill, should have been followed by the next one: a day and a week, and some."""
FIRST = 3600.0
"""Seconds that a new box has for its first backup, which begins after a minute."""


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
        said.update(name=app.name, address=f"https://{app.domain}/" if app.routes else "")
    return {"host": server.host, **answer}


def query(server: Server, apps: Sequence[App] | None = None) -> Json:
    """What to ask the box's `status` program; of all its apps, or of these."""
    return {
        "services": services(server),
        "backups": server.backups is not None,
        "apps": [_query(app) for app in (server.apps if apps is None else apps)],
    }


def services(server: Server) -> list[str]:
    """The units of the box's own roles."""
    named = {"postgres": "postgresql.service", "nginx": "nginx.service", "tls": "boxkeeper-certificates.timer"}
    redis = [f"boxkeeper-redis@{app.name}.service" for app in server.apps if server.redis and "redis" in app.needs]
    needed = server.ollama is not None and any("ollama" in app.needs for app in server.apps)
    ollama = ["boxkeeper-ollama.service"] if needed else []
    return [*(unit for role, unit in named.items() if getattr(server, role) is not None), *redis, *ollama]


def _query(app: App) -> Json:
    return {
        "name": app.name,
        "site": {"name": app.name, "names": app.names} if app.routes else None,
    }


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
            kind = "self-signed, " if app["certificate"]["self_signed"] else ""
            yield f"    certificate  {kind}{app['certificate']['days']} days left"
    yield ""
    yield from (f"  ! {trouble}" for trouble in troubles(found))
    if not troubles(found):
        yield "  All well."


def troubles(found: Json) -> list[str]:
    """What somebody should look at, a sentence each."""
    box = found["box"]
    said = [f"{unit} is {state}" for unit, state in found["services"].items() if state != "active"]
    said += [f"{unit} has failed: `systemctl status {unit}`" for unit in box["failed"]]
    said += [
        f"{name} is {part / whole:.0%} full"
        for name in ("memory", "disk")
        for part, whole in [box[f"{name}_mb"]]
        if part > whole * FULL
    ]
    if box["inodes_free"] < 1 - FULL:
        said.append(f"only {box['inodes_free']:.0%} of the disk's inodes are free")
    for app in found["apps"]:
        said += [f"{unit} is {each['state']}" for unit, each in app["units"].items() if each["state"] != "active"]
        if app["release"] is None:
            said.append(f"{app['name']} is not on this box: `boxkeeper up ENV` brings it")
        elif app["health"]:
            said.append(
                f"{app['name']} is not healthy: {app['health']}; what it said: `boxkeeper logs ENV {app['name']}`"
            )
        if app["certificate"] and app["certificate"]["days"] < 14:
            said.append(f"the certificate of {app['name']} ends in {app['certificate']['days']} days")
    if found["backups"]:
        said += backup_troubles(found["backups"], box["time"])
    if box["reboot"]:
        said.append("an update wants a reboot")
    return list(dict.fromkeys(said))


def backup_troubles(found: Json, now: float) -> Iterator[str]:
    """What is wrong with the backups of a box, each with the line to type."""
    made, drill, archiver = found["made"], found["drill"], found["archiver"]
    if made is None:
        if now - found["since"] > FIRST:
            yield "there is no backup yet: `boxkeeper backup now ENV` makes one"
        return
    for place, reason in made["failed"].items():
        yield f"the last backup failed at {place}: {reason}"
    if now - (made["good"] or 0) > STALE:
        age = f"is {span(now - made['good'])} old" if made["good"] else "was never made"
        yield f"the newest whole backup {age}: `boxkeeper backup now ENV`"
    if archiver and archiver["failed"]:
        yield "changes of PostgreSQL do not get to the backups: `journalctl -u 'postgresql@*'`"
    if drill and drill["fault"]:
        yield f"the last drill failed: {drill['fault']}"
    if made["first"] and now - ((drill and drill["good"]) or made["first"]) > UNTRIED:
        yield "no backup has been restored for a trial in 8 days: `boxkeeper backup drill ENV`"


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


def span(seconds: float) -> str:
    """A length of time in its largest unit."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def size(megabytes: float) -> str:
    return f"{megabytes / 1024:.1f} GB" if megabytes >= 1024 else f"{megabytes:.0f} MB"
