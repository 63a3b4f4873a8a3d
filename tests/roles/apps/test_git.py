"""Git: what can be cloned, from which server by which key, and the deploy key that a box reads it with."""

from __future__ import annotations

import pytest

from roles.apps import Git
from roles.apps import git as git_of
from roles.keys import made_for_ssh, public_of
from roles.rotation import Kept
from roles.secrets import Secret
from roles.server import Server
from tests.roles.apps.test_role import plain

OURS = "ssh-ed25519 " + "A" * 68
PRIVATE = made_for_ssh()


@pytest.mark.parametrize("ref", ["main", "v1.2.3", "feature/x", "a" * 40, "1.x", "release+1"])
def test_a_branch_a_tag_and_a_commit_are_refs(ref: str) -> None:
    assert Git(url="https://example.com/a.git", ref=ref).faults == ()


@pytest.mark.parametrize("ref", ["", "-x", "--upload-pack=id", "a..b", "a b", "a~1", "a:b", "a^{}", "/a", "$(id)"])
def test_what_git_would_take_for_something_else_is_no_ref(ref: str) -> None:
    assert len(Git(url="https://example.com/a.git", ref=ref).faults) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/you/app.git",
        "git@github.com:you/app.git",
        "ssh://git@gitlab.com/you/app",
        "file:///srv/app",
        "/srv/app",
    ],
)
def test_what_git_can_clone_is_a_source(url: str) -> None:
    assert Git(url=url).faults == ()


@pytest.mark.parametrize("url", ["", "app", "--upload-pack=id", "ext::sh -c id", "https://a b", "github.com/you/app"])
def test_what_git_could_not_clone_is_refused(url: str) -> None:
    assert len(Git(url=url).faults) == 1


def test_a_token_in_an_address_is_refused_and_not_repeated() -> None:
    (fault,) = Git(url="https://you:canary@example.com/app.git").faults
    assert "holds a password or token" in fault
    assert "canary" not in fault


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("git@github.com:you/app.git", "github.com"),
        ("ssh://git@git.example.com/app", "git.example.com"),
        ("ssh://git.example.com:22/app", "git.example.com"),
        ("ssh://git@git.example.com:2222/app", "[git.example.com]:2222"),
        ("https://github.com/you/app.git", None),
        ("/srv/app", None),
    ],
)
def test_a_server_is_called_as_known_hosts_calls_it(url: str, host: str | None) -> None:
    assert Git(url=url, host_key=OURS).host == host


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("git@git.example.com:app", "ssh-keyscan -t ed25519 git.example.com"),
        ("ssh://git@git.example.com:2222/app", "ssh-keyscan -t ed25519 -p 2222 git.example.com"),
    ],
)
def test_a_server_that_nobody_knows_needs_its_key_and_how_to_get_it_is_said(url: str, line: str) -> None:
    (fault,) = Git(url=url).faults
    assert fault.startswith("Git.host_key: is missing")
    assert line in fault
    assert Git(url=url, host_key=OURS).faults == ()


@pytest.mark.parametrize("key", ["x", "ssh-ed25519 AAAA", f"{OURS} comment"])
def test_what_is_no_key_of_a_server_is_refused(key: str) -> None:
    assert len(Git(url="git@git.example.com:app", host_key=key).faults) == 1


def server(url: str, **more: str) -> Server:
    made = Server(host="192.0.2.1", apps=(plain(source=Git(url=url, **more)),))
    made._kept["plain/deploy_key"] = Kept(PRIVATE, "2026-01-01", "key")
    return made


def test_an_app_of_a_private_repository_has_a_key_of_its_own_which_root_alone_reads() -> None:
    made = server("git@github.com:you/app.git")
    (app,) = made.apps
    assert list(git_of.secrets(app)) == [Secret("plain/deploy_key", "Plain", generated=True, kind="key")]
    assert set(made.wanted_secrets()) >= set(git_of.secrets(app))
    files = {file.path: file for file in git_of.files(made, app)}
    assert {path: file.mode for path, file in files.items()} == {
        "/etc/boxkeeper/apps/plain.key": "0600",
        "/etc/boxkeeper/apps/plain.key.pub": "0644",
        "/etc/boxkeeper/apps/plain.known_hosts": "0644",
    }
    assert files["/etc/boxkeeper/apps/plain.key.pub"].content.decode() == f"{public_of(PRIVATE)} boxkeeper plain\n"
    assert files["/etc/boxkeeper/apps/plain.known_hosts"].content.startswith(b"github.com ssh-ed25519 AAAA")
    asked = git_of.query(app)
    assert asked
    assert "StrictHostKeyChecking=yes" in asked["ssh"]
    assert asked["ssh"].endswith("-i /etc/boxkeeper/apps/plain.key")


def test_a_server_of_your_own_is_known_by_the_key_that_you_gave() -> None:
    made = server("ssh://git@git.example.com:2222/app", host_key=OURS)
    files = {file.path: file.content for file in git_of.files(made, made.apps[0])}
    assert files["/etc/boxkeeper/apps/plain.known_hosts"].decode() == f"[git.example.com]:2222 {OURS}\n"


def test_a_public_repository_has_no_key() -> None:
    made = server("https://github.com/you/app.git")
    assert list(git_of.secrets(made.apps[0])) == []
    assert list(git_of.files(made, made.apps[0])) == []
    assert git_of.query(made.apps[0]) == {"url": "https://github.com/you/app.git", "ref": "main"}


def test_another_ref_is_of_the_same_repository() -> None:
    assert Git(url="git@git.example.com:app", host_key=OURS).at("v2") == Git(
        url="git@git.example.com:app", host_key=OURS, ref="v2"
    )
