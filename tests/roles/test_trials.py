"""What a secret opens on a box, and how that is tried."""

from __future__ import annotations

import pytest

from roles import needs
from roles.apps import Folder, Git
from roles.apps.app import App
from roles.apps.flavor_monk import FlavorMonk
from roles.apps.pair_cam import PairCam
from roles.apps.rodeo_ai import RodeoAi
from roles.backups import Backups
from roles.chroma import Chroma
from roles.offsite import Sftp
from roles.postgres import Postgres
from roles.redis import Redis
from roles.server import Server
from roles.trials import trials

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
    assert [name for name in names if not trials(made, name, 0)] == []


def test_a_database_is_tried_by_the_login_of_that_turn() -> None:
    made = server(PairCam(domain="a.example.com", source=CODE))
    logins = [query["login"] for turn in (0, 1, 2) for query in trials(made, "pair-cam/postgres", turn)]
    assert logins == ["pair_cam_a", "pair_cam_b", "pair_cam_a"]


def test_a_deploy_key_is_tried_where_it_is_to_open_without_the_key_that_the_box_has() -> None:
    made = server(PairCam(domain="a.example.com", source=Git(url="git@github.com:you/cam.git")))
    [query] = trials(made, "pair-cam/deploy_key", 0)
    assert (query["elsewhere"], query["url"], " -i " in query["ssh"]) == (
        "github.com",
        "git@github.com:you/cam.git",
        False,
    )


def test_what_the_app_alone_reads_opens_nothing_on_the_box() -> None:
    assert trials(server(PairCam(domain="a.example.com", source=CODE)), "pair-cam/JWT_SECRET", 0) == []


def test_the_key_to_the_backups_is_tried_at_every_repository_and_the_key_that_sends_them_where_they_go() -> None:
    offsite = Sftp(host="u1.example.com", user="u1", path="/backups", host_keys=("ssh-ed25519 " + "A" * 68,))
    made = Server(host="192.0.2.1", backups=Backups(offsite=offsite))
    assert [query["place"] for query in trials(made, "backups/key", 0)] == ["here", "u1.example.com"]
    [query] = trials(made, "backups/ssh_key", 0)
    assert query["elsewhere"] == "u1.example.com"
    assert query["ssh"].endswith(" -i {key} u1@u1.example.com -s sftp")
