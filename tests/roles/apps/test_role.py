"""What an app becomes on a box: accounts, files, units and a release."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

import pytest

from roles.apps import App, Folder, Frontend, Node, Process, Python, wanted
from roles.apps.ai_note_taker import AiNoteTaker
from roles.apps.build import commands
from roles.apps.command import path, unit_command
from roles.apps.release import Live, Release
from roles.postgres import Postgres
from roles.redis import Redis
from roles.resources import Directory, File, Files, Packages, Units, Venv
from roles.rotation import supplied
from roles.server import Server


class Plain(App):
    """An app of nothing but a program."""

    title: ClassVar[str] = "Plain"
    processes: ClassVar[tuple[Process, ...]] = (Process("web", "node server.js"),)


def plain(**more: object) -> Plain:
    return Plain(**{"name": "plain", "domain": "a.example.com", "source": Folder(path="."), **more})


def notes(path: Path) -> AiNoteTaker:
    return AiNoteTaker(domain="notes.example.com", source=Folder(path=str(path)))


def server(*apps: App) -> Server:
    made = Server(host="192.0.2.1", postgres=Postgres(), redis=Redis(), apps=apps)
    assert made.faults == ()
    made._kept.update({secret.name: supplied("s" * 40) for secret in made.wanted_secrets()})
    return made


def files(made: Server) -> dict[str, str]:
    found = [path for resource in wanted(made) if isinstance(resource, Files) for path in resource.paths]
    return {path.path: path.content.decode() for path in found if isinstance(path, File)}


def test_a_server_without_apps_wants_nothing() -> None:
    assert list(wanted(server())) == []


def test_a_program_is_the_releases_own() -> None:
    class Mine(Plain):
        runtime: ClassVar[Python] = Python()

    mine = Mine(name="mine", domain="a.example.com", source=Folder(path="."))
    assert unit_command(mine, "uvicorn main:app --fd 3") == "/usr/bin/env uvicorn main:app --fd 3"
    assert unit_command(mine, "/bin/true") == "/bin/true"
    assert path(mine, "next") == "/srv/mine/next/.venv/bin:/usr/local/bin:/usr/bin:/bin"


class Noded(Plain):
    """An app of Node.js in a folder of its source."""

    runtime: ClassVar[Node] = Node(directory="server", build="npm run build")


def noded(**more: object) -> Noded:
    return Noded(**{"name": "noded", "domain": "a.example.com", "source": Folder(path="."), **more})


def test_a_node_app_finds_its_packages_programs_and_its_own_node() -> None:
    assert path(noded(), "current", "server") == (
        "/srv/noded/current/.venv/bin:/srv/noded/current/server/node_modules/.bin:"
        "/srv/noded/current/node_modules/.bin:/opt/boxkeeper/node-24/node:/usr/local/bin:/usr/bin:/bin"
    )
    assert "/opt/" not in path(noded(node="distribution"), "current")


@pytest.mark.parametrize(
    ("command", "script"),
    [("npm start", "start"), ("npm run start:prod", "start:prod"), ("npm run migrate", "migrate")],
)
def test_a_script_of_a_package_runs_without_npm(command: str, script: str) -> None:
    assert unit_command(noded(), command) == f"/usr/bin/python3 -I /usr/local/lib/boxkeeper scripts run {script}"


@pytest.mark.parametrize("command", ["npm install", "npm ci", "npm exec start", "node start"])
def test_what_is_no_script_of_a_package_runs_as_it_is(command: str) -> None:
    assert unit_command(noded(), command) == f"/usr/bin/env {command}"


def test_a_node_app_is_installed_and_then_built() -> None:
    install, build = commands(noded())
    assert "cd server" in install
    assert "npm ci" in install
    assert build == "/bin/sh -c 'cd server && npm run build'"


def test_a_runtimes_build_may_make_the_frontend() -> None:
    class Whole(Noded):
        frontend: ClassVar[Frontend] = Frontend(directory="web", build=None)

    assert commands(Whole(name="whole", domain="a.example.com", source=Folder(path="."))) == commands(noded())


def test_what_is_built_here_is_not_built_on_the_box() -> None:
    assert commands(noded(build_on="here")) == ["/bin/true"]


def test_the_chosen_node_is_installed_and_the_distributions_only_when_it_is_the_chosen_one() -> None:
    def found(app: App) -> tuple[list[str], list[str]]:
        resources = list(wanted(server(app)))
        venvs = [resource.path for resource in resources if isinstance(resource, Venv)]
        return venvs, [name for each in resources if isinstance(each, Packages) for name in each.names]

    venvs, names = found(noded(node="22"))
    assert "/opt/boxkeeper/node-22" in venvs
    assert "nodejs" not in names
    venvs, names = found(noded(node="distribution"))
    assert venvs == ["/opt/boxkeeper/uv"]
    assert {"nodejs", "npm"} <= set(names)


def test_systemd_takes_percent_and_dollar_in_a_command_literally() -> None:
    assert unit_command(plain(), "/bin/date +%s --of $HOME ${X}") == "/bin/date +%%s --of $$HOME $${X}"


def test_systemd_takes_them_literally_in_a_build_too() -> None:
    class Built(Plain):
        frontend: ClassVar[Frontend] = Frontend(build="A=$B npm run build -- %s")

    built = Built(name="built", domain="a.example.com", source=Folder(path="."))
    assert "A=$$B npm run build -- %%s" in commands(built)[-1]


def test_an_app_with_nothing_to_build_has_a_build_that_succeeds() -> None:
    assert commands(plain()) == ["/bin/true"]


def test_every_line_of_a_unit_is_one_that_systemd_reads(tmp_path: Path) -> None:
    for place, text in files(server(notes(tmp_path), plain())).items():
        if place.startswith("/etc/systemd/system/"):
            lines = [line for line in text.splitlines() if line and not line.startswith("#")]
            assert all(re.fullmatch(r"\[[A-Z][a-z]+\]|[A-Z][A-Za-z]+=.*", line) for line in lines), text
            assert "Environment=" not in text or "KEY" not in text


def test_an_app_has_a_fair_share_of_the_cpus_and_a_limit_where_one_is_set() -> None:
    path = "/etc/systemd/system/boxkeeper-plain.slice"
    assert "CPUWeight=100" in files(server(plain()))[path]
    assert "CPUQuota" not in files(server(plain()))[path]
    assert "CPUQuota=50%" in files(server(plain(cpus=0.5)))[path]


def test_every_unit_that_is_wanted_has_its_file(tmp_path: Path) -> None:
    made = server(notes(tmp_path), plain())
    units = [unit.name for resource in wanted(made) if isinstance(resource, Units) for unit in resource.units]
    assert units
    assert {f"/etc/systemd/system/{name}" for name in units} <= files(made).keys()


def test_the_units_of_a_process_are_for_any_slot_and_no_units_until_a_release_takes_copies(tmp_path: Path) -> None:
    found = files(server(notes(tmp_path)))
    service = found["/etc/boxkeeper/apps/ai-note-taker/ai-note-taker-web@.service"]
    assert "WorkingDirectory=/srv/ai-note-taker/slots/%i/release/build/" in service
    assert "EnvironmentFile=/srv/ai-note-taker/slots/%i/release/environment\n" in service
    assert "Requires=ai-note-taker-web@%i.socket\n" in service
    socket = found["/etc/boxkeeper/apps/ai-note-taker/ai-note-taker-web@.socket"]
    assert "ListenStream=/srv/ai-note-taker/slots/%i/web.sock\n" in socket
    assert not [path for path in found if path.startswith("/etc/systemd/system/ai-note-taker-web")]


def test_what_an_app_needs_is_ordered_before_all_that_runs_of_it(tmp_path: Path) -> None:
    found = files(server(notes(tmp_path), plain()))
    order = "After=network.target postgresql.service boxkeeper-redis@ai-note-taker.service\n"
    for name in ("/etc/boxkeeper/apps/ai-note-taker/ai-note-taker-web@", "/etc/systemd/system/ai-note-taker-cleanup"):
        assert order in found[f"{name}.service"]
    assert "After=network.target\n" in found["/etc/boxkeeper/apps/plain/plain-web@.service"]


def test_a_job_runs_what_is_live_and_the_release_command_what_is_to_be(tmp_path: Path) -> None:
    found = files(server(notes(tmp_path)))
    job = found["/etc/systemd/system/ai-note-taker-cleanup.service"]
    assert "EnvironmentFile=/srv/ai-note-taker/live/release/environment\n" in job
    assert "ConditionPathExists=/srv/ai-note-taker/live/release/environment\n" in job
    before = found["/etc/systemd/system/ai-note-taker-release.service"]
    assert "EnvironmentFile=/srv/ai-note-taker/next/environment\n" in before
    assert "WorkingDirectory=/srv/ai-note-taker/next/build/" in before


def test_what_is_unpacked_by_root_is_unpacked_into_folders_of_roots(tmp_path: Path) -> None:
    """The app could else put a link in the way of a build to come."""
    found = [path for each in wanted(server(notes(tmp_path))) if isinstance(each, Files) for path in each.paths]
    owners = {path.path: path.owner for path in found if isinstance(path, Directory)}
    assert {owners[f"/srv/ai-note-taker/{folder}"] for folder in ("builds", "releases", "slots")} == {"root"}


def test_how_the_releases_ended_is_said_when_all_have_been_tried(tmp_path: Path) -> None:
    kinds = [type(resource) for resource in wanted(server(notes(tmp_path), plain()))]
    assert kinds[-2:] == [Live, Live]
    assert [kind for kind in kinds if kind in (Release, Live)] == [Release, Release, Live, Live]


def test_the_environment_is_for_root_alone(tmp_path: Path) -> None:
    """systemd reads it before it becomes the app's user."""
    found = [
        path for resource in wanted(server(notes(tmp_path))) if isinstance(resource, Files) for path in resource.paths
    ]
    env = next(path for path in found if path.path.endswith(".env"))
    assert isinstance(env, File)
    assert (env.mode, env.owner, env.group) == ("0640", "root", "root")


def test_a_build_is_part_of_what_a_release_is(tmp_path: Path) -> None:
    class Other(AiNoteTaker):
        frontend: ClassVar[Frontend] = Frontend(build="npm run other")

    one, other = (
        next(resource for resource in wanted(server(app)) if isinstance(resource, Release))
        for app in (notes(tmp_path), Other(domain="notes.example.com", source=Folder(path=str(tmp_path))))
    )
    assert one.recipe != other.recipe
