"""`boxkeeper logs`, `shell` and `psql`: a look into a running app, with our own terminal."""

from __future__ import annotations

import sys

import click

from commands.box import logged_in, servers, with_app
from roles import Fault
from roles.apps.command import path


@click.command()
@click.argument("env")
@click.argument("app")
@click.option("--follow", "-f", is_flag=True, help="Go on as new lines come; Ctrl-C ends it")
@click.option("--lines", "-n", default=100, show_default=True, type=click.IntRange(1, 100_000), help="How many")
@click.option("--since", help="As journalctl takes it, e.g. `1 hour ago`")
def logs(env: str, app: str, follow: bool, lines: int, since: str | None) -> None:
    """What an app's processes, jobs and releases said."""
    server, wanted = with_app(env, app)
    slotted = [f"{wanted.unit(process.name)}@*" for process in wanted.processes]
    names = (*wanted.units, *slotted, f"boxkeeper-release-{wanted.name}", f"boxkeeper-drain-{wanted.name}-*")
    units = [f"--unit={name}.service" for name in names]
    more = [*(["--follow"] if follow else []), *([f"--since={since}"] if since else [])]
    with logged_in(server) as box:
        argv = ["journalctl", "--no-pager", "--output=short-iso", f"--lines={lines}", *more, *units]
        try:
            sys.exit(box.show(argv))
        except KeyboardInterrupt:
            sys.exit(0)


@click.command()
@click.argument("env")
@click.argument("app", required=False)
def shell(env: str, app: str | None) -> None:
    """A shell on the box: root's, or with an app's name that app's, in its release with its environment."""
    if app is None:
        boxes = servers(env)
        if len(boxes) > 1:
            raise Fault(f"{env} has {len(boxes)} boxes; name an app: `boxkeeper shell {env} APP`")
        server, argv = boxes[0], ["bash", "-l"]
    else:
        server, wanted = with_app(env, app)
        own = {
            "User": wanted.name,
            "Group": wanted.name,
            "WorkingDirectory": f"{wanted.root}/current",
            "EnvironmentFile": f"{wanted.root}/live/release/environment",
            "Environment": f"PATH={path(wanted, 'current')}",
            "Slice": wanted.slice,
            "UMask": "0027",
        }
        properties = [f"--property={name}={value}" for name, value in own.items()]
        argv = ["systemd-run", "--quiet", "--collect", "--pipe" if not sys.stdin.isatty() else "--pty", *properties]
        argv += ["/bin/bash"]
    with logged_in(server) as box:
        sys.exit(box.show(argv))


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("env")
@click.argument("app")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(env: str, app: str, arguments: tuple[str, ...]) -> None:
    """psql in an app's database, as the role that owns it; more arguments are psql's own."""
    server, wanted = with_app(env, app)
    if "postgres" not in wanted.needs:
        raise Fault(f"{app} has no database: its class does not need postgres")
    argv = ["runuser", "-u", "postgres", "--", "env", f"PGOPTIONS=-c role={wanted.database}", "psql", wanted.database]
    with logged_in(server) as box:
        sys.exit(box.show([*argv, *arguments]))
