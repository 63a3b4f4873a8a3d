"""`boxkeeper release`, `rollback` and `releases`: one app's versions, made live, taken back and listed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import NoReturn

import click

from commands.box import logged_in, supplied, with_app
from commands.converge import converge
from commands.inventory import inventory_of
from onbox.troubles import span
from roles import Fault
from roles.apps import App
from roles.apps.release import under_way
from roles.resources import Json
from roles.server import Server


@click.command()
@click.argument("env")
@click.argument("app")
@click.option("--ref", help="Branch, tag or commit in place of the inventory's; it stays until the next release")
def release(env: str, app: str, ref: str | None) -> None:
    """Make the newest version of an app live. Nobody notices; one that does not get healthy takes no traffic."""
    server, wanted = with_app(env, app, supplied)
    _must_be_alone(env, wanted, _history(server, wanted))
    _say_who_is_first(server, wanted)
    chosen = [] if ref is None else ["--data", f"ref={_data(ref)}"]
    line = ("deploys/release.py", "--data", f"app={app}", *chosen)
    outcome = converge(inventory_of(env), *line, stopped=_left(env, app))
    after = _history(server, wanted)
    if outcome.code != 0:
        _failed(env, app, after, outcome.code)
    if not outcome.changed:
        click.echo(f"{after['live']} is live already: nothing to release.")
        return
    _say(env, app, after)


@click.command()
@click.argument("env")
@click.argument("app")
@click.argument("to", metavar="[RELEASE]", required=False)
@click.option("--yes", "-y", is_flag=True, help="Also where migrations lie between")
def rollback(env: str, app: str, to: str | None, yes: bool) -> None:
    """Make an earlier release live again, by default the one before. It stays until the next `boxkeeper release`."""
    server, wanted = with_app(env, app, supplied)
    before = _history(server, wanted)
    _must_be_alone(env, wanted, before)
    goal = to or previous(before)
    if goal is not None and goal == before["live"]:
        raise Fault(f"{goal} of {app} is live already")
    others = [name for name in before["kept"] if name != before["live"]]
    if goal is None:
        newer = f"; to go to another one: `boxkeeper rollback {env} {app} {others[-1]}`" if others else ""
        raise Fault(f"{app} has nothing older than what is live{newer}")
    if goal not in before["kept"]:
        raise Fault(f"{app} has no release {goal} to go back to; there is {', '.join(others) or 'none'}")
    if objection := migrated(before, goal):
        click.echo(objection)
        if not yes and not (sys.stdin.isatty() and click.confirm("Go back all the same?")):
            raise Fault(f"nothing was changed; `boxkeeper rollback {env} {app} {goal} -y` goes back all the same")
    line = ("deploys/rollback.py", "--data", f"app={app}", "--data", f"to={goal}")
    outcome = converge(inventory_of(env), *line, stopped=_left(env, app))
    after = _history(server, wanted)
    if outcome.code != 0:
        _failed(env, app, after, outcome.code)
    _say(env, app, after)
    click.echo(f"Forward again: `boxkeeper rollback {env} {app} {before['live']}`")


@click.command()
@click.argument("env")
@click.argument("app")
@click.option("--json", "as_json", is_flag=True, help="For a script")
def releases(env: str, app: str, as_json: bool) -> None:
    """The releases of an app: when, by whom, from what, how each ended, and which of them could be live again."""
    found = _history(*with_app(env, app))
    click.echo(json.dumps(found, indent=1) if as_json else "\n".join(screen(found)))


def _history(server: Server, app: App) -> Json:
    with logged_in(server) as box:
        return box.ask("history", {"app": app.name, "database": app.database if "postgres" in app.needs else None})


def _must_be_alone(env: str, app: App, found: Json) -> None:
    """Raises Fault while somebody else makes a release of this app."""
    if found["under_way"]:
        end = _end(env, app.name)
        raise Fault(f"{app.name} is being released: {under_way(found['under_way'])}; to end and undo that: `{end}`")


def _say_who_is_first(server: Server, app: App) -> None:
    """Releases of a server follow each other, so that two builds never share its memory."""
    for other in server.apps:
        if other.name != app.name and (found := _history(server, other))["under_way"]:
            click.echo(f"{other.name} is being released: {under_way(found['under_way'])}. {app.name} waits for that.")


def _end(env: str, app: str) -> str:
    """The line that ends and undoes a release."""
    return f"echo systemctl stop boxkeeper-release-{app} | boxkeeper shell {env}"


def _left(env: str, app: str) -> str:
    """What becomes of a release when nobody follows it any more."""
    return (
        f"no longer followed; once begun it goes on, on the server: `boxkeeper releases {env} {app}` says how it ends. "
        f"To end and undo it: `{_end(env, app)}`"
    )


def _data(ref: str) -> str:
    """A ref as pyinfra's --data takes it for a text: it would read 1234567 as a number."""
    try:
        json.loads(ref)
    except ValueError:
        return ref
    return json.dumps(ref)


def previous(found: Json) -> str | None:
    """The newest release of another version before what is live: what a rollback without a name means."""
    known = {record["name"]: record for record in found["releases"]}
    if found["live"] not in known:
        return None
    origin = known[found["live"]]
    while origin["like"] in known:  # it was live again, or had its environment changed
        origin = known[origin["like"]]
    others = [
        name
        for name in found["kept"]
        # what differs in its environment only is the same version, and would be given the environment of now
        if not known[name]["like"] and name < origin["name"] and _version(known[name]) != _version(origin)
    ]
    return others[-1] if others else None


def _version(record: Json) -> tuple[str, str]:
    """What a release runs: its build and its units."""
    return record["build"], record["installed"]


def migrated(found: Json, goal: str) -> str:
    """What to say where the database has another shape than the one that a release was made for; "" where not."""
    made_for = next(record["schema"] for record in found["releases"] if record["name"] == goal)
    if made_for in (None, found["schema"]):
        return ""
    return f"The database has been migrated since {goal}: its tables are other ones than that version knows."


def _failed(env: str, app: str, found: Json, code: int) -> NoReturn:
    """Say that nothing has become of it, and end as pyinfra did: with 2 it was refused before it began."""
    if code == 2:
        sys.exit(code)
    now = f"{found['live']} goes on" if found["live"] else "nothing is live"
    click.echo(f"--> {app}: {now}; all that was said: `boxkeeper logs {env} {app}`", err=True)
    sys.exit(1)


def _say(env: str, app: str, found: Json) -> None:
    """What is live now, and how to undo that."""
    record = next(each for each in found["releases"] if each["name"] == found["live"])
    how = f" ({record['how']}: no memory for two copies)" if record["how"] else ""
    click.echo(f"{record['name']} is live, after {record['seconds']:.1f} s{how}.")
    if found["pinned"]:
        click.echo(f"It stays until `boxkeeper release {env} {app}`, whatever the inventory says.")
    elif before := previous(found):
        click.echo(f"Back: `boxkeeper rollback {env} {app}` ({before})")


def screen(found: Json) -> Iterator[str]:
    """The releases as lines for people, the newest first."""
    if found["under_way"]:
        yield f"under way: {under_way(found['under_way'])}"
    for record in reversed(found["releases"]):
        mark = "*" if record["name"] == found["live"] else "-" if record["name"] in found["kept"] else " "
        yield f"{mark} {_line(record)}"
        if record["result"] != "live" and record["reason"]:
            first, *more = record["reason"].splitlines()
            yield from (f"    {line.strip()}" for line in (first, *more[-1:]))
    if not found["releases"]:
        yield "No release yet."
    else:
        yield "* is live, - could be live again: `boxkeeper rollback ENV APP RELEASE`."


def _line(record: Json) -> str:
    """One release: its name, how it ended, how long that took, of what, with which environment, and by whom."""
    took = span(record["seconds"]) if record.get("seconds") is not None else ""
    made_of = f"back to {record['like']}" if record["kind"] == "rollback" else record["ref"] or record["source"][:8]
    environment = (record["environment"] or "-")[:8]
    ended = record["result"] or "under way"
    return f"{record['name']}  {ended:9} {took:>6}  {made_of:34} environment {environment:8}  {record['who']}"
