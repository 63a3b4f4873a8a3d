"""Resources: pure questions and comparisons, the same for the same settings."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from roles.resources import Absent, Directory, File, Files, Link, Packages, Unit, Units, User, Users, Venv

PATHS = Files([File("/a", b"1", mode="0640", owner="x"), Directory("/d"), Link("/l", "/a"), Absent("/gone")])


def found(*paths: Any, leftovers: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"paths": list(paths), "leftovers": list(leftovers)}


AS_WANTED = [path.wanted() for path in PATHS.paths]


def test_files_that_are_as_wanted_differ_in_nothing() -> None:
    assert PATHS.query() == ["/a", "/d", "/l", "/gone"]
    assert list(PATHS.differences(found(*AS_WANTED))) == []
    assert PATHS.payload(found(*AS_WANTED)) == {"paths": [], "prove": []}


@pytest.mark.parametrize(
    ("place", "was", "said"),
    [
        (0, None, "/a: is missing"),
        (0, {**AS_WANTED[0], "mode": "0644", "owner": "root"}, "/a: mode 0644, owner root"),
        (0, {**AS_WANTED[0], "sha256": "0"}, "/a: content"),
        (0, {"type": "directory", "mode": "0755", "owner": "root", "group": "root"}, "/a: is a directory, not a file"),
        (1, {"type": "link", "to": "/x"}, "/d: is a link, not a directory"),
        (2, {"type": "link", "to": "/x"}, "/l: to /x"),
        (3, {"type": "file"}, "/gone: is there"),
    ],
)
def test_a_difference_is_said_and_only_that_path_is_sent(place: int, was: Any, said: str) -> None:
    paths = [*AS_WANTED[:place], was, *AS_WANTED[place + 1 :]]
    assert list(PATHS.differences(found(*paths))) == [said]
    assert [sent["path"] for sent in PATHS.payload(found(*paths))["paths"]] == [PATHS.query()[place]]


def test_what_a_cut_off_run_left_is_a_difference_that_sends_everything() -> None:
    was = found(*AS_WANTED, leftovers=("/.boxkeeper-old-a",))
    assert list(PATHS.differences(was)) == ["/.boxkeeper-old-a: left behind by a run that was cut off"]
    assert [sent["path"] for sent in PATHS.payload(was)["paths"]] == PATHS.query()


def test_content_travels_byte_for_byte() -> None:
    content = bytes(range(256))
    sent = Files([File("/a", content)]).payload(found(None))
    assert base64.b64decode(json.loads(json.dumps(sent))["paths"][0]["content"]) == content


def test_content_is_in_no_text() -> None:
    assert "canary" not in repr(Files([File("/a", b"canary")]))


def test_packages_differ_by_what_is_missing_extra_or_half_installed() -> None:
    packages = Packages(["nginx", "redis"], absent=["ufw"])
    was = {"installed": ["redis", "ufw"], "broken": ["bash"]}
    assert packages.query() == ["nginx", "redis", "ufw"]
    assert list(packages.differences(was)) == ["nginx is not installed", "ufw is installed", "bash is half installed"]
    assert packages.payload(was) == {"install": ["nginx"], "remove": ["ufw"]}
    assert list(packages.differences({"installed": ["nginx", "redis"], "broken": []})) == []


ALICE = User("alice", home="/srv/alice", groups=("www-data",))


@pytest.mark.parametrize(
    ("was", "said"),
    [
        (None, ["user alice: is missing"]),
        ({"home": "/srv/alice", "shell": "/usr/sbin/nologin", "groups": ["www-data", "other"]}, []),
        (
            {"home": "/var/alice", "shell": "/usr/sbin/nologin", "groups": ["www-data"]},
            ["user alice: home, shell or groups"],
        ),
        ({"home": "/srv/alice", "shell": "/bin/sh", "groups": ["www-data"]}, ["user alice: home, shell or groups"]),
        ({"home": "/srv/alice", "shell": "/usr/sbin/nologin", "groups": []}, ["user alice: home, shell or groups"]),
    ],
)
def test_a_user_differs_by_home_shell_and_the_groups_it_lacks(was: Any, said: list[str]) -> None:
    users = Users([ALICE])
    assert list(users.differences([was])) == said
    assert [user["name"] for user in users.payload([was])] == (["alice"] if said else [])


def state(**more: Any) -> dict[str, Any]:
    return {"active": "active", "enabled": "enabled", "stale": False, "current": "1", "loaded": "1", **more}


@pytest.mark.parametrize(
    ("unit", "was", "said"),
    [
        (Unit("a"), state(), []),
        (Unit("a"), state(enabled="static"), []),
        (Unit("a"), state(active="reloading"), []),
        (Unit("a"), state(active="activating"), ["is activating"]),
        (Unit("a"), state(enabled="masked"), ["is masked, not enabled"]),
        (Unit("a"), state(enabled=""), ["is not there, not enabled"]),
        (Unit("a"), state(loaded=""), ["runs with an older configuration"]),
        (Unit("a"), state(stale=True), ["its unit file has changed since systemd read it"]),
        (Unit("a", state="inactive", enabled=False), state(active="inactive", enabled="disabled", loaded=""), []),
        (Unit("a", state="inactive", enabled=False), state(active="inactive", enabled="masked"), []),
        (Unit("a", state="inactive", enabled=False), state(), ["is enabled", "is running"]),
        (Unit("a", state="any"), state(active="failed", loaded=""), []),
    ],
)
def test_a_unit_differs_by_its_state_alone(unit: Unit, was: dict[str, Any], said: list[str]) -> None:
    units = Units([unit])
    assert list(units.differences([was])) == ([f"a: {'; '.join(said)}"] if said else [])
    assert len(units.payload([was])) == bool(said)


def test_a_virtual_environment_differs_by_what_it_was_made_of() -> None:
    venv = Venv("/opt/x", ("x==1", "y==2"))
    assert list(venv.differences(["x==1", "y==2"])) == []
    assert list(venv.differences(None)) == list(venv.differences(["x==1"])) == ["/opt/x is not made of x==1, y==2"]


@pytest.mark.parametrize(
    "resource", [PATHS, Packages(["a"]), Users([ALICE]), Units([Unit("a")]), Venv("/x", ("y==1",))]
)
def test_questions_survive_the_journey(resource: Any) -> None:
    assert json.loads(json.dumps(resource.query())) == resource.query()
    assert resource.name.isprintable()
