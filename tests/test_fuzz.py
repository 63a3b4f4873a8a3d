"""Whatever a user writes as settings ends in sentences, never in a traceback; what is accepted can be carried out."""

from __future__ import annotations

import json
import re
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roles import Settings, apps, base, clashes, firewall, nginx, ollama, postgres, redis, ssh, tls
from roles.apps import App, Folder
from roles.apps.ai_note_taker import AiNoteTaker
from roles.rotation import supplied
from roles.server import Server

ROLES = (base, ssh, firewall, postgres, redis, ollama, tls, nginx, apps)
BOUNDED = settings(max_examples=150, suppress_health_check=list(HealthCheck))
SENTENCE = re.compile(r".+: .+|.* needs .*")

NASTY = st.lists(
    st.sampled_from(
        ["a", "B", "0", "9", "-", ".", "/", "..", " ", "\n", "\0", "\t", ";", "{", "}", "{{", "%}", '"', "'"]
    )
    | st.sampled_from(
        ["$", "%", "\\", "`", "$(id)", "#", "@", ":", ",", "ä", "\ud800", "\u202e", "64mb", "example.com"]
    ),
    max_size=6,
).map("".join)
JUNK: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), NASTY, st.binary(max_size=8), st.lists(NASTY, max_size=2)
) | st.dictionaries(NASTY, st.integers() | NASTY, max_size=2)


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4l5cUBbUdaQCUM8Xb0hQ1y7sXCOoYHzIUYkCEFwEYc you@laptop"
PLAUSIBLE = ["notes.example.com", "192.0.2.1", "box", "64mb", "https://example.com/a.git", KEY]


@st.composite
def right(draw: st.DrawFn, annotation: Any) -> Any:
    """A value of the right type, for a setting of this type."""
    kind, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if kind in (Union, types.UnionType):
        chosen = draw(st.sampled_from(arguments))
        return None if chosen is type(None) else draw(right(chosen))
    if kind is Literal:
        return draw(st.sampled_from(arguments))
    if kind is tuple:
        return tuple(draw(right(arguments[0])) for _ in range(draw(st.integers(0, 2))))
    if kind is dict:
        return draw(st.dictionaries(NASTY, NASTY, max_size=3))
    if isinstance(kind, type) and issubclass(kind, Settings):
        return draw(written(AiNoteTaker if kind is App else kind))
    return draw({str: NASTY | st.sampled_from(PLAUSIBLE), int: st.integers(-1, 70000)}.get(kind, JUNK))


@st.composite
def written(draw: st.DrawFn, model: type[Settings]) -> Settings:
    """Settings as somebody may write them: most values of the right type, some of none, some names unknown."""
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        how = draw(st.integers(0, 7))
        if how > 2:
            values[name] = draw(JUNK if how == 3 else right(field.annotation))
    if draw(st.integers(0, 7)) == 0:
        values[draw(NASTY)] = draw(JUNK)
    return model(**values)


@BOUNDED
@given(written(Server))
def test_every_fault_is_a_sentence_with_its_place(server: Settings) -> None:
    assert isinstance(server, Server)
    for fault in (*server.faults, *clashes.within(server), *clashes.among([server])):
        assert SENTENCE.fullmatch(fault), fault
        assert fault.isprintable(), fault
        assert len(fault) < 1000, fault
    assert all(secret.name for secret in server.wanted_secrets())


def _settings_of(role: str) -> type[Settings]:
    """The settings of a role: what `Server` takes under its name."""
    annotation: Any = Server.model_fields[role].annotation
    found: type[Settings] = next((kind for kind in get_args(annotation) if kind is not type(None)), annotation)
    return found


NAMES = ("base", "ssh", "firewall", "postgres", "redis", "ollama", "nginx", "tls")
KINDS: dict[str, type[Settings]] = {role: _settings_of(role) for role in NAMES}
MODELS: list[type[Settings]] = [Server, AiNoteTaker, *KINDS.values()]
TEXTS = [
    (model, name) for model in MODELS for name, field in model.model_fields.items() if "str" in str(field.annotation)
]


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source with what the app says that it has."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "backend").mkdir()
    (folder / "backend" / "requirements.txt").touch()
    (folder / "package.json").touch()
    return folder


@BOUNDED
@given(place=st.sampled_from(TEXTS), text=NASTY)
def test_what_is_accepted_can_be_carried_out(code: Path, place: tuple[type[Settings], str], text: str) -> None:
    server = with_one(code, *place, text)
    if server.faults or any(clashes.within(server)):
        return
    server._kept.update({secret.name: supplied("x" * 40) for secret in server.wanted_secrets()})
    for resource in (resource for role in ROLES for resource in role.wanted(server)):
        json.dumps(resource.query())
        assert resource.name.isprintable()


def test_a_server_without_nasty_texts_is_accepted(code: Path) -> None:
    server = with_one(code, AiNoteTaker, "domain", "notes.example.com")
    assert [*server.faults, *clashes.within(server)] == []


def with_one(code: Path, model: type[Settings], name: str, text: str) -> Server:
    """A whole server with this text as one of its settings."""
    kind = get_origin(model.model_fields[name].annotation)
    value = (text,) if kind is tuple else {"A": text} if kind is dict else text
    source = Folder(path=str(code))
    values: dict[type[Settings], dict[str, Any]] = {
        AiNoteTaker: {"domain": "notes.example.com", "source": source},
        Server: {"host": "192.0.2.1"},
        KINDS["ssh"]: {"keys": (KEY,)},
    }
    values.setdefault(model, {})[name] = value
    values[Server].update({role: kind(**values.get(kind, {})) for role, kind in KINDS.items()})
    values[Server].setdefault("apps", (AiNoteTaker(**values[AiNoteTaker]),))
    return Server(**values[Server])
