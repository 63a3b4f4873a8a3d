"""The role of the apps: accounts, environments, units and releases, from what the apps declare."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from roles import render
from roles.apps.app import App, Process
from roles.apps.environment import environment, environment_file
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
    yield Users([User(app.name, home=app.root) for app in server.apps])
    for app in server.apps:
        yield from _app(server, app)


def packages(apps: tuple[App, ...]) -> list[str]:
    """What the control machine's archives, the runtimes and the builds of these apps need."""
    wanted = ["python3-venv", "git", "ca-certificates"]
    if any(app.frontend for app in apps):
        wanted += ["nodejs", "npm"]
    return wanted


def _app(server: Server, app: App) -> Iterator[Resource]:
    secret = File(app.env_file, environment_file(environment(server, app)), mode="0640")
    units = {unit.path: unit for unit in _unit_files(app)}
    running = [unit for process in app.processes for unit in _running(app, process)]
    yield Files(
        [
            Directory(app.root, mode="0750", owner=app.name, group="www-data"),
            Directory(f"{app.root}/releases", mode="0755", owner=app.name, group=app.name),
            Directory(f"{app.root}/shared", mode="0750", owner=app.name, group=app.name),
            secret,
            *units.values(),
        ],
        name=f"{app.name} files",
    )
    sockets = [unit for unit in running if unit.name.endswith(".socket")]
    services = [unit for unit in running if unit.name.endswith(".service")]
    timers = [Unit(f"{app.unit(job.name)}.timer", watch=(_path(app, job.name, "timer"),)) for job in app.jobs]
    yield Units(sockets, name=f"{app.name} sockets")
    recipe = hashlib.sha256(units[_path(app, "build", "service")].content).hexdigest()
    yield Release(app, recipe=recipe, units=services)
    yield Units([*services, *timers], name=f"{app.name} units")
    if health(app):
        yield Healthy(app)


def _running(app: App, process: Process) -> Iterator[Unit]:
    service = _path(app, process.name, "service")
    if process.web:
        socket = _path(app, process.name, "socket")
        yield Unit(f"{app.unit(process.name)}.socket", watch=(socket,))
    yield Unit(f"{app.unit(process.name)}.service", watch=(service, app.env_file, f"{app.root}/current"))


def _path(app: App, name: str, kind: str) -> str:
    return f"/etc/systemd/system/{app.unit(name)}.{kind}"


def _unit_files(app: App) -> Iterator[File]:
    yield File(_path(app, "build", "service"), render("apps/build.service.j2", app=app, commands=build_commands(app)))
    for process in app.processes:
        command = unit_command(app, process.command)
        content = render("apps/process.service.j2", app=app, process=process, command=command)
        yield File(_path(app, process.name, "service"), content)
        if process.web:
            content = render("apps/process.socket.j2", app=app, process=process)
            yield File(_path(app, process.name, "socket"), content)
    if app.release_command is not None:
        yield _once(app, "release", app.release_command, app.release_directory, release="next")
    for job in app.jobs:
        yield _once(app, job.name, job.command, job.directory, release="current")
        yield File(_path(app, job.name, "timer"), render("apps/job.timer.j2", app=app, job=job))


def _once(app: App, name: str, command: str, directory: str, release: str) -> File:
    """The unit of a command that ends: a job, or the release command."""
    values = {"command": unit_command(app, command, release), "directory": directory, "release": release, "name": name}
    return File(_path(app, name, "service"), render("apps/job.service.j2", app=app, jit=False, **values))


def build_commands(app: App) -> list[str]:
    """What turns the source in /srv/NAME/next into something that runs."""
    commands = []
    if app.runtime is not None:
        requirements = f"{app.runtime.directory}/{app.runtime.requirements}"
        commands.append(f"/usr/bin/python3 -I /usr/local/lib/boxkeeper venvs make .venv {requirements}")
    if app.frontend is not None:
        inside = f"cd {app.frontend.directory} &&"
        install = "if [ -f package-lock.json ]; then npm ci; else npm install; fi"
        commands.append(f"/bin/sh -c '{inside} {install}'")
        commands.append(f"/bin/sh -c '{inside} {_literal(app.frontend.build)} && rm -rf node_modules'")
    return commands or ["/bin/true"]


def unit_command(app: App, command: str, release: str = "current") -> str:
    """A command as a unit's ExecStart: its program by full path, systemd's own `%` and `$` taken literally.

    env(1) starts the program as the app's user. systemd itself looks for it as a root without a root's rights
    (PrivateUsers=), which may not enter the app's folder because nginx's group is unknown to it.
    """
    program, _, arguments = command.partition(" ")
    if app.runtime is not None and not program.startswith("/"):
        program = f"/usr/bin/env {app.root}/{release}/.venv/bin/{program}"
    return _literal(f"{program} {arguments}".rstrip())


def _literal(command: str) -> str:
    return command.replace("%", "%%").replace("$", "$$")
