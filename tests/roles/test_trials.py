"""What a secret opens on a box, and how that is tried."""

from __future__ import annotations

import pytest

from roles import needs
from roles.apps import Folder, Git
from roles.apps.app import App
from roles.apps.flavor_monk import FlavorMonk
from roles.apps.pair_cam import PairCam
from roles.apps.rodeo_ai import RodeoAi
from roles.chroma import Chroma
from roles.postgres import Postgres
from roles.redis import Redis
from roles.server import Server
from roles.trials import trial

CODE = Folder(path=".")


def server(*apps: App) -> Server:
    return Server(host="192.0.2.1", postgres=Postgres(), redis=Redis(), chroma=Chroma(), apps=apps)


@pytest.mark.parametrize("kind", [PairCam, RodeoAi, FlavorMonk])
def test_whatever_is_made_to_open_something_can_be_tried_there(
    kind: type[PairCam] | type[RodeoAi] | type[FlavorMonk],
) -> None:
    made = server(kind(domain="a.example.com", source=CODE))
    (app,) = made.apps
    names = [secret.name for giver in needs.of(app) for secret in giver.secrets(app)]
    assert names
    assert [name for name in names if trial(made, name, 0) is None] == []


def test_a_database_is_tried_by_the_login_of_that_turn() -> None:
    made = server(PairCam(domain="a.example.com", source=CODE))
    logins = [(trial(made, "pair-cam/postgres", turn) or {}).get("login") for turn in (0, 1, 2)]
    assert logins == ["pair_cam_a", "pair_cam_b", "pair_cam_a"]


def test_a_deploy_key_is_tried_where_it_is_to_open_without_the_key_that_the_box_has() -> None:
    made = server(PairCam(domain="a.example.com", source=Git(url="git@github.com:you/cam.git")))
    query = trial(made, "pair-cam/deploy_key", 0)
    assert query
    assert (query["elsewhere"], query["url"], " -i " in query["ssh"]) == (
        "github.com",
        "git@github.com:you/cam.git",
        False,
    )


def test_what_the_app_alone_reads_opens_nothing_on_the_box() -> None:
    assert trial(server(PairCam(domain="a.example.com", source=CODE)), "pair-cam/JWT_SECRET", 0) is None
