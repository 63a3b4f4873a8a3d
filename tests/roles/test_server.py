"""Where the paths of an inventory begin: beside it, wherever the command is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.inventory import check
from roles import ROOT
from roles.apps import Folder
from roles.server import Server, _folder

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4l5cUBbUdaQCUM8Xb0hQ1y7sXCOoYHzIUYkCEFwEYc you@laptop"
INVENTORY = f"""
from roles.apps import App, Folder
from roles.server import Login, Server, group
from roles.ssh import Ssh
from roles.tls import Tls


class Site(App):
    title = "Site"


prod = group(
    Server(
        host="192.0.2.1",
        login=Login(key="keys/id", known_hosts="~/hosts"),
        ssh=Ssh(keys=("{KEY}", "keys/id.pub")),
        tls=Tls(authority="root.pem"),
        apps=(Site(name="site", domain="a.example.com", source=Folder(path="../tiny")),),
    )
)
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """What an inventory of a folder of one's own says, read by somebody who is elsewhere."""
    mine = tmp_path / "mine"
    for folder in (mine / "keys", tmp_path / "tiny", tmp_path / "elsewhere"):
        folder.mkdir(parents=True)
    (mine / "keys" / "id").write_text("-----BEGIN OPENSSH PRIVATE KEY-----")
    (mine / "keys" / "id.pub").write_text(KEY.replace("you@laptop", "you@home"))
    (mine / "root.pem").write_text("-----BEGIN CERTIFICATE-----")
    (tmp_path / "hosts").touch()
    (mine / "prod.py").write_text(INVENTORY)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path / "elsewhere")
    [server] = check(str(mine / "prod.py"))
    return server


def test_relative_paths_begin_at_the_inventory(server: Server, tmp_path: Path) -> None:
    source = server.apps[0].source
    assert isinstance(source, Folder)
    assert source.path == str(tmp_path / "tiny")
    assert server.login.key == str(tmp_path / "mine" / "keys" / "id")
    assert server.tls is not None
    assert server.tls.authority == str(tmp_path / "mine" / "root.pem")


def test_keys_are_texts_and_files_beside_the_inventory(server: Server) -> None:
    assert server.ssh is not None
    assert server.ssh.lines == [KEY, KEY.replace("you@laptop", "you@home")]


def test_a_path_may_begin_at_home(server: Server, tmp_path: Path) -> None:
    assert server.login.known_hosts == str(tmp_path / "hosts")


def test_those_of_an_inventory_of_ours_begin_at_the_top_of_the_clone() -> None:
    assert _folder(ROOT / "inventories" / "prod.py") == ROOT
    assert _folder(ROOT / "examples" / "any" / "fastapi" / "prod.py") == ROOT / "examples" / "any" / "fastapi"


def test_what_is_wrong_stays_wrong(tmp_path: Path) -> None:
    wrong = Server(host="a b", login=3).located(tmp_path)
    assert [fault.partition(":")[0] for fault in wrong.faults] == ["Server.host", "Server.login"]
