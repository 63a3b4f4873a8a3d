"""PostgreSQL, as far as no box is needed: what differs, what is sent, who clashes. The rest is in tests/data."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from pydantic import SecretStr

from roles.apps import App, Folder
from roles.databases import Database, Databases, Login
from roles.postgres import Cluster, Postgres, variables
from roles.rotation import supplied
from roles.server import Server

MACHINE = {"ram_mb": 961, "cpus": 1, "disk_mb": 25_000}


class Notes(App):
    title = "Notes"
    needs = frozenset({"postgres"})


def app(name: str) -> Notes:
    return Notes(name=name, domain=f"{name}.example.com", source=Folder(path="."))


def database(password: str = "x" * 40) -> Database:
    return Database("note_taker", [Login("note_taker_a", SecretStr(password))])


def as_wanted() -> dict[str, Any]:
    """What a box says that has exactly what one database needs."""
    wanted = database()
    owner = {"login": False, "inherit": True, "limit": -1, "powers": False, "password": None, "settings": None}
    login = {
        "login": True,
        "inherit": True,
        "limit": 50,
        "powers": False,
        "password": hashlib.sha256(wanted.logins[0].verifier.encode()).hexdigest(),
        "settings": wanted.settings,
        "groups": ["note_taker"],
    }
    databases = {
        "postgres": {"owner": "postgres", "others": []},
        "template1": {"owner": "postgres", "others": []},
        "note_taker": {"owner": "note_taker", "others": []},
    }
    roles = {"note_taker": {**owner, "groups": []}, "note_taker_a": login}
    return {**MACHINE, "clusters": ["17/main"], "server": {"overridden": [], "roles": roles, "databases": databases}}


def test_a_box_that_is_as_wanted_has_no_differences() -> None:
    assert Databases([database()]).differences(as_wanted()) == []


@pytest.mark.parametrize(
    ("kind", "name", "field", "value", "said"),
    [
        ("roles", "note_taker", "login", True, "role note_taker: may do more than own a database"),
        ("roles", "note_taker", "powers", True, "role note_taker: may do more than own a database"),
        ("roles", "note_taker", "groups", ["pg_read_all_data"], "role note_taker: may do more than own a database"),
        ("roles", "note_taker_a", "password", "other", "role note_taker_a: password"),
        ("roles", "note_taker_a", "powers", True, "role note_taker_a: rights"),
        ("roles", "note_taker_a", "groups", ["note_taker", "pair_cam"], "role note_taker_a: rights"),
        ("roles", "note_taker_a", "login", False, "role note_taker_a: rights"),
        ("roles", "note_taker_a", "settings", None, "role note_taker_a: settings"),
        ("roles", "note_taker_a", "limit", -1, "role note_taker_a: connections"),
        ("databases", "note_taker", "owner", "postgres", "database note_taker: belongs to postgres"),
        ("databases", "note_taker", "others", ["PUBLIC"], "database note_taker: open to PUBLIC"),
        ("databases", "postgres", "others", ["PUBLIC"], "database postgres: anybody may connect"),
    ],
)
def test_more_or_less_than_wanted_is_a_difference(kind: str, name: str, field: str, value: object, said: str) -> None:
    found = as_wanted()
    found["server"][kind][name][field] = value
    assert Databases([database()]).differences(found) == [said]


@pytest.mark.parametrize(
    ("kind", "name"), [("roles", "note_taker"), ("roles", "note_taker_a"), ("databases", "note_taker")]
)
def test_what_is_missing_is_a_difference(kind: str, name: str) -> None:
    found = as_wanted()
    del found["server"][kind][name]
    assert Databases([database()]).differences(found) == [f"{kind[:-1]} {name}: is missing"]


def test_a_server_that_does_not_answer_is_a_difference() -> None:
    assert Databases([database()]).differences({**MACHINE, "clusters": [], "server": None}) == [
        "PostgreSQL does not answer"
    ]


def test_the_password_itself_is_never_sent() -> None:
    found: dict[str, Any] = {**MACHINE, "clusters": [], "server": None}
    sql = Databases([database("canary" * 6)]).payload(found)["sql"]
    assert "canary" not in sql
    assert database("canary" * 6).logins[0].verifier in sql


def test_two_clusters_are_refused_before_anything_is_changed() -> None:
    found = {**as_wanted(), "clusters": ["15/main", "17/main"]}
    (said,) = Cluster(Postgres(), []).refuse(found)
    assert said.startswith("this box has 2 PostgreSQL clusters (15/main, 17/main)")
    assert Cluster(Postgres(), []).refuse({**found, "clusters": ["15/main"]}) == []


def test_only_each_apps_own_logins_may_connect_to_its_database() -> None:
    paths = Cluster(Postgres(), ["note_taker", "all"]).payload(as_wanted())["paths"]
    (hba,) = [base64.b64decode(path["content"]).decode() for path in paths if path["path"] == "pg_hba.conf"]
    rules = [line.split() for line in hba.splitlines() if line and line[0] != "#"]
    assert rules[0] == ["local", "all", "postgres", "peer"]
    assert ["host", '"all"', '+"all"', "127.0.0.1/32", "scram-sha-256"] in rules
    assert all(rule[1].strip('"') == rule[2].lstrip("+").strip('"') for rule in rules[1:])


def test_an_app_called_like_the_login_of_another_is_a_clash() -> None:
    (said,) = Postgres().clashes([app("note"), app("note-a")])
    assert said == 'note logs in to its database as note_a, the database of note-a: call it e.g. `name="note-a-app"`'
    assert list(Postgres().clashes([app("note"), app("notes")])) == []


@pytest.mark.parametrize("password", ["x" * 40, "p@ss:w/rd?#[]%&= +'\"\\"])
def test_any_password_comes_back_out_of_the_url(password: str) -> None:
    server = Server(host="192.0.2.1", postgres=Postgres(), apps=(app("note-taker"),))
    server._kept["note-taker/postgres"] = supplied(password)
    made = variables(server, server.apps[0])["DATABASE_URL"]
    parts = urlsplit(made)
    assert unquote(parts.password or "") == password
    assert (parts.username, parts.hostname, parts.port, parts.path) == (
        "note_taker_a",
        "127.0.0.1",
        5432,
        "/note_taker",
    )
