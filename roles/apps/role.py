"""The role of the apps: accounts, environments, units and releases, from what the apps declare."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from roles import render
from roles.apps import node
from roles.apps.app import App, Node, Process
from roles.apps.build import commands
from roles.apps.command import jit, path, unit_command
from roles.apps.environment import environment, environment_file, public
from roles.apps.release import Healthy, Release, health
from roles.resources import Directory, File, Files, Packages, Resource, Unit, Units, User, Users, Venv

if TYPE_CHECKING:
    from roles.server import Server

UV = Venv("/opt/boxkeeper/uv", requirements=("uv==0.13.8",))
"""Makes an app's virtual environment in a tenth of pip's time; where it can't be had, pip does."""


def wanted(server: Server) -> Iterator[Resource]:
    if not server.apps:
        return
    yield Packages(packages(server.apps))
    yield UV
    yield from node.wanted(server.apps)
    yield Users([User(app.name, home=app.root) for app in server.apps])
    for app in server.apps:
        yield from _app(server, app)


def packages(apps: tuple[App, ...]) -> list[str]:
    """What the control machine's archives, the runtimes and the builds of these apps need."""
    own = (name for app in apps for name in (*node.packages(app), *app.packages))
    return list(dict.fromkeys(["python3-venv", "git", "ca-certificates", *own]))


def _app(server: Server, app: App) -> Iterator[Resource]:
    units = {unit.path: unit for unit in _unit_files(app)}
    build = [units[_path(app, "build", "service")], File(app.build_env_file, environment_file(public(app)))]
    running = [unit for process in app.processes for unit in _running(app, process)]
    yield Files(
        [
            Directory(app.root, mode="0750", owner=app.name, group="www-data"),
            Directory(f"{app.root}/releases", mode="0755", owner=app.name, group=app.name),
            Directory(f"{app.root}/shared", mode="0710", owner=app.name, group="www-data"),
            # nginx reads what the app puts there: new files take the folder's group
            *(Directory(f"{app.root}/{folder}", "2750", app.name, "www-data") for folder in app.folders),
            File(app.env_file, environment_file(environment(server, app)), mode="0640"),
            build[1],
            *units.values(),
        ],
        name=f"{app.name} files",
    )
    sockets = [unit for unit in running if unit.name.endswith(".socket")]
    services = [unit for unit in running if unit.name.endswith(".service")]
    timers = [Unit(f"{app.unit(job.name)}.timer", watch=(_path(app, job.name, "timer"),)) for job in app.jobs]
    yield Units(sockets, name=f"{app.name} sockets")
    # what npm builds may hold variables; an environment of Python does not
    built_with = build if app.uses_npm else build[:1]
    recipe = hashlib.sha256(b"\0".join([*(file.content for file in built_with), app.build_on.encode()])).hexdigest()
    yield Release(app, recipe=recipe, units=services)
    yield Units([*services, *timers], name=f"{app.name} units")
    if health(app):
        yield Healthy(app)


def _running(app: App, process: Process) -> Iterator[Unit]:
    service = _path(app, process.name, "service")
    if process.web:
        socket = _path(app, process.name, "socket")
        yield Unit(f"{app.unit(process.name)}.socket", watch=(socket,))
    loaded = [node.LISTEN] if isinstance(app.runtime, Node) else []
    watch = (service, _slice(app), app.env_file, f"{app.root}/current", *loaded)
    yield Unit(f"{app.unit(process.name)}.service", watch=watch)


def _path(app: App, name: str, kind: str) -> str:
    return f"/etc/systemd/system/{app.unit(name)}.{kind}"


def _slice(app: App) -> str:
    return f"/etc/systemd/system/{app.slice}"


def _unit_files(app: App) -> Iterator[File]:
    yield File(_slice(app), render("apps/slice.j2", app=app))
    content = render("apps/build.service.j2", app=app, commands=commands(app), path=path(app, "next"))
    yield File(_path(app, "build", "service"), content)
    for process in app.processes:
        yield File(_path(app, process.name, "service"), _process(app, process))
        if process.web:
            content = render("apps/process.socket.j2", app=app, process=process)
            yield File(_path(app, process.name, "socket"), content)
    if app.release_command is not None:
        yield _once(app, "release", app.release_command, app.release_directory, release="next")
    for job in app.jobs:
        yield _once(app, job.name, job.command, job.directory, release="current")
        yield File(_path(app, job.name, "timer"), render("apps/job.timer.j2", app=app, job=job))


def _process(app: App, process: Process) -> bytes:
    return render(
        "apps/process.service.j2",
        app=app,
        process=process,
        command=unit_command(app, process.command),
        path=path(app, "current", process.directory),
        jit=jit(app, process),
    )


def _once(app: App, name: str, command: str, directory: str, release: str) -> File:
    """The unit of a command that ends: a job, or the release command."""
    content = render(
        "apps/job.service.j2",
        app=app,
        name=name,
        command=unit_command(app, command),
        directory=directory,
        release=release,
        path=path(app, release, directory),
        jit=jit(app),
    )
    return File(_path(app, name, "service"), content)
