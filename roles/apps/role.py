"""The role of the apps: accounts, environments, units and releases, from what the apps declare."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from roles import needs, render
from roles.apps import git, node
from roles.apps.app import App
from roles.apps.build import commands
from roles.apps.command import jit, path, unit_command
from roles.apps.environment import environment, environment_file, hidden, public
from roles.apps.parts import Node, Process
from roles.apps.release import Live, Release
from roles.resources import Directory, File, Files, Link, Packages, Resource, Unit, Units, User, Users, Venv

if TYPE_CHECKING:
    from roles.server import Server

UV = Venv("/opt/boxkeeper/uv", requirements=("uv==0.13.8",))
"""Makes an app's virtual environment in a tenth of pip's time; where it can't be had, pip does."""


SLOTS = "/etc/systemd/system/boxkeeper-slots.service"


def wanted(server: Server) -> Iterator[Resource]:
    if not server.apps:
        return
    yield Packages(packages(server.apps))
    yield UV
    yield from node.wanted(server.apps)
    yield accounts(server)
    yield Files([File(SLOTS, render("apps/boxkeeper-slots.service.j2"))], name="slots")
    yield Units([Unit("boxkeeper-slots.service", state="any")], name="slots at boot")
    releases = {app.name: release(app) for app in server.apps}
    for app in server.apps:
        yield from app_wanted(server, app, releases[app.name])
    # only when all have been tried: an app that does not get healthy keeps no other one from being released
    yield from map(Live, releases.values())


def accounts(server: Server) -> Users:
    """One for each app."""
    return Users([User(app.name, home=app.root) for app in server.apps])


def homes(app: App) -> Iterator[Directory]:
    """The folder of an app, and those that outlive its releases."""
    yield Directory(app.root, mode="0750", owner=app.name, group="www-data")
    yield Directory(f"{app.root}/shared", mode="0710", owner=app.name, group="www-data")
    # nginx reads what the app puts there: new files take the folder's group
    yield from (Directory(f"{app.root}/{folder}", "2750", app.name, "www-data") for folder in app.folders)


def packages(apps: tuple[App, ...]) -> list[str]:
    """What the control machine's archives, the runtimes and the builds of these apps need."""
    own = (name for app in apps for name in (*node.packages(app), *app.packages))
    return list(dict.fromkeys(["python3-venv", "git", "openssh-client", "ca-certificates", *own]))


def app_wanted(server: Server, app: App, release: Release) -> Iterator[Resource]:
    """What one app wants of the box, with this release of it."""
    units = {file.path: file for file in _unit_files(app)}
    slotted = [file for process in app.processes for file in _slot_units(app, process)]
    yield Files(
        [
            *homes(app),
            *map(Directory, (f"{app.root}/builds", f"{app.root}/releases", f"{app.root}/slots")),
            Link(f"{app.root}/current", "live/release/build"),
            File(app.env_file, environment_file(environment(server, app), hidden(server, app)), mode="0640"),
            File(app.build_env_file, environment_file(public(app))),
            *git.files(server, app),
            Directory(app.units_folder),
            *slotted,
            *units.values(),
        ],
        name=f"{app.name} files",
    )
    timers = [Unit(f"{app.unit(job.name)}.timer", watch=(_path(app, job.name, "timer"),)) for job in app.jobs]
    services = [Unit(name, state="any") for path in units if (name := path.rpartition("/")[2]).endswith(RUN_BY_OTHERS)]
    yield Units(services, name=f"{app.name} services")
    yield release
    yield Units(timers, name=f"{app.name} timers")


RUN_BY_OTHERS = (".service", ".slice")
"""Units that are started by a release, a timer or a process, and that systemd only has to know as they are."""


def release(app: App, asked: bool = False, pin: bool = False) -> Release:
    """The release that an app should have; see `Release`."""
    units = {file.path: file for file in _unit_files(app)}
    build = units[_path(app, "build", "service")].content
    # what npm builds may hold variables; an environment of Python does not
    built_with = [build, environment_file(public(app))] if app.uses_npm else [build]
    recipe = hashlib.sha256(b"\0".join([*built_with, app.build_on.encode()])).hexdigest()
    own = [file.path for process in app.processes for file in _slot_units(app, process)]
    shared = [_path(app), *([node.LISTEN] if isinstance(app.runtime, Node) else [])]
    return Release(app, recipe, own, shared, asked, pin)


def _path(app: App, name: str = "", kind: str = "slice") -> str:
    """Where systemd finds a unit of an app; without a name the slice that holds its processes."""
    return f"/etc/systemd/system/{f'{app.unit(name)}.{kind}' if name else app.slice}"


def _unit_files(app: App) -> Iterator[File]:
    yield File(_path(app), render("apps/slice.j2", app=app))
    content = render("apps/build.service.j2", app=app, commands=commands(app), path=path(app, "next/build"))
    yield File(_path(app, "build", "service"), content)
    if app.release_command is not None:
        yield _once(app, "release", app.release_command, app.release_directory, build="next/build", of="next")
    for job in app.jobs:
        yield _once(app, job.name, job.command, job.directory, build="current", of="live/release")
        yield File(_path(app, job.name, "timer"), render("apps/job.timer.j2", app=app, job=job))


def _slot_units(app: App, process: Process) -> Iterator[File]:
    """The units of a process, for any slot: a release takes copies of them."""
    unit = f"{app.units_folder}/{app.unit(process.name)}"
    yield File(f"{unit}@.service", _process(app, process))
    if process.web:
        yield File(f"{unit}@.socket", render("apps/process.socket.j2", app=app, process=process))


def _process(app: App, process: Process) -> bytes:
    return render(
        "apps/process.service.j2",
        app=app,
        process=process,
        command=unit_command(app, process.command),
        path=path(app, "slots/%i/release/build", process.directory),
        jit=jit(app, process),
        after=_after(app),
    )


def _once(app: App, name: str, command: str, directory: str, build: str, of: str) -> File:
    """The unit of a command that ends: a job, or the release command. `build` and `of` are below the app's folder."""
    content = render(
        "apps/job.service.j2",
        app=app,
        name=name,
        command=unit_command(app, command),
        directory=directory,
        build=build,
        release=of,
        path=path(app, build, directory),
        jit=jit(app),
        after=_after(app),
    )
    return File(_path(app, name, "service"), content)


def _after(app: App) -> str:
    return " ".join(["network.target", *(giver.service(app) for giver in needs.of(app))])
