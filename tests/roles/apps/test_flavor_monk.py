"""Flavor Monk's template: what it declares, with no box at hand."""

from __future__ import annotations

import pytest

from roles.apps import Folder
from roles.apps.environment import public
from roles.apps.flavor_monk import FlavorMonk
from roles.apps.role import _unit_files
from roles.chroma import Chroma
from roles.clashes import within
from roles.nginx import Nginx
from roles.ollama import Ollama
from roles.postgres import Postgres
from roles.redis import Redis
from roles.server import Server
from roles.tls import Tls


def monk(**settings: object) -> FlavorMonk:
    return FlavorMonk(domain="monk.example.com", source=Folder(path="examples/flavor_monk"), **settings)


def server(app: FlavorMonk) -> Server:
    needed = {"postgres": Postgres(), "redis": Redis(), "chroma": Chroma(), "ollama": Ollama()}
    return Server(host="192.0.2.1", nginx=Nginx(), tls=Tls(), apps=(app,), **needed)


def test_a_server_with_all_that_it_needs_has_nothing_to_mend() -> None:
    assert list(within(server(monk()))) == []


def test_without_its_parts_each_is_asked_for() -> None:
    said = "\n".join(within(Server(host="192.0.2.1", apps=(monk(),))))
    for part in ("chroma", "nginx", "ollama", "postgres", "redis"):
        assert f"flavor-monk needs {part}: add `{part}={part.capitalize()}()` to this server" in said


def test_the_model_that_writes_and_the_one_that_finds_are_asked_of_ollama() -> None:
    assert monk().models == ("mistral:7b", "all-minilm")
    assert monk(model="llama2:13b").models == ("llama2:13b", "all-minilm")


@pytest.mark.parametrize("model", ["mistral 7b", "; rm -rf /", "mistral:", "{name}"])
def test_what_is_no_model_is_refused(model: str) -> None:
    assert "is no model; write it like `mistral:7b`" in monk(model=model).faults[0]


def test_a_model_without_a_known_size_is_refused_before_any_connection() -> None:
    assert any("what the model phi4 takes is not known here" in said for said in within(server(monk(model="phi4"))))


def test_keys_of_providers_are_optional() -> None:
    wanted = {secret.name: secret for secret in server(monk()).wanted_secrets()}
    assert wanted["flavor-monk/REPLICATE_API_TOKEN"].optional
    assert wanted["flavor-monk/OPENAI_API_KEY"].optional


def test_next_reports_to_nobody_and_its_build_leaves_nothing_that_does_not_run() -> None:
    assert public(monk())["NEXT_TELEMETRY_DISABLED"] == "1"
    (build,) = (file.content.decode() for file in _unit_files(monk()) if file.path.endswith("-build.service"))
    assert "npm run build && rm -rf .next/cache node_modules/@next/swc-*" in build
