"""A variable arrives in the process byte for byte, whatever is in it."""

from __future__ import annotations

import base64
import json
import shlex
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roles import Fault
from roles.apps import App, Folder
from roles.apps.ai_note_taker import AiNoteTaker
from roles.apps.environment import environment, environment_file, hidden
from roles.apps.texts import uncarriable
from roles.postgres import Postgres
from roles.redis import Redis
from roles.rotation import supplied
from roles.server import Server
from target.box import Target

NASTY = {
    "EMPTY": "",
    "NEWLINES": "one\ntwo\n\n three\\\n",
    "RETURNS": "a\r\nb\r",
    "QUOTES": "'single' \"double\" `back`",
    "SIGNS": "$HOME ${HOME} %n %% # ; = \\$ \\\\ \\n \\x41 \\",
    "SPACES": "  before and after\t ",
    "CONTROL": "".join(map(chr, range(1, 32))) + "\x7f",
    "UNICODE": "ä€\U0001f600\u2028\u202e\ufeff",
    "JSON": json.dumps({"key": "-----BEGIN-----\nabc\\n\n-----END-----\n", "a'b": '"'}),
}


BLANK = " \t\n\r"


class Reader:
    """`parse_env_file_internal` of systemd's src/basic/env-file.c, written anew: a method for each of its states."""

    def __init__(self, text: str) -> None:
        self.found: dict[str, str] = {}
        self.key = self.value = ""
        self.state = self.before_key
        for char in [*text, "\n"]:
            self.state(char)

    def before_key(self, char: str) -> None:
        if char in "#;":
            self.state = self.in_comment
        elif char not in BLANK:
            self.state, self.key = self.in_key, char

    def in_comment(self, char: str) -> None:
        self.state = self.before_key if char in "\n\r" else self.in_comment

    def in_key(self, char: str) -> None:
        if char in "\n\r":
            self.state = self.before_key
        elif char == "=":
            self.state, self.value = self.before_value, ""
        else:
            self.key += char

    def before_value(self, char: str) -> None:
        states = {"'": self.in_single, '"': self.in_double, "\\": self.after_backslash}
        if char in "\n\r":
            self.found[self.key.rstrip(BLANK)], self.state = self.value, self.before_key
        elif char in states:
            self.state = states[char]
        elif char not in BLANK:
            self.state, self.value = self.in_value, self.value + char

    def in_value(self, char: str) -> None:
        if char in "\n\r":
            self.found[self.key.rstrip(BLANK)], self.state = self.value.rstrip(BLANK), self.before_key
        elif char == "\\":
            self.state = self.after_backslash
        else:
            self.value += char

    def after_backslash(self, char: str) -> None:
        self.state = self.in_value
        self.value += "" if char in "\n\r" else char

    def in_single(self, char: str) -> None:
        if char == "'":
            self.state = self.before_value
        else:
            self.value += char

    def in_double(self, char: str) -> None:
        if char == '"':
            self.state = self.before_value
        elif char == "\\":
            self.state = self.after_backslash_in_double
        else:
            self.value += char

    def after_backslash_in_double(self, char: str) -> None:
        self.state = self.in_double
        if char in '"\\`$':
            self.value += char
        elif char != "\n":
            self.value += "\\" + char


def as_systemd_reads_it(text: str) -> dict[str, str]:
    return Reader(text).found


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
VALUES = st.text(max_size=40).filter(lambda value: not uncarriable(value)) | st.text(
    alphabet="\\\"'`$%\n\r a", max_size=12
)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_any_values_are_read_back_as_they_were(variables: dict[str, str]) -> None:
    assert as_systemd_reads_it(environment_file(variables).decode()) == variables


def test_the_nasty_ones_are_read_back_as_they_were() -> None:
    assert as_systemd_reads_it(environment_file(NASTY).decode()) == NASTY


def test_the_file_is_the_same_whatever_the_order() -> None:
    assert environment_file({"A": "1", "B": "2"}) == environment_file({"B": "2", "A": "1"})


def test_an_empty_environment_is_an_empty_file() -> None:
    assert environment_file({}) == b""


def test_the_hidden_ones_are_named_in_a_comment_which_systemd_passes_over() -> None:
    text = environment_file(NASTY, ["JSON", "QUOTES"]).decode()
    assert text.startswith("# hidden: JSON QUOTES\n")
    assert as_systemd_reads_it(text) == NASTY


def test_hidden_are_its_secrets_and_addresses_with_a_password_in_them(tmp_path: Path) -> None:
    made = server(tmp_path)
    assert hidden(made, made.apps[0]) == ["DATABASE_URL", "DEEPGRAM_API_KEY", "GEMINI_API_KEY", "REDIS_URL"]


def server(tmp_path: Path, **env: str) -> Server:
    app = AiNoteTaker(domain="Notes.example.com", source=Folder(path=str(tmp_path)), env=env)
    made = Server(host="192.0.2.1", postgres=Postgres(), redis=Redis(), apps=(app,))
    assert made.faults == ()
    made._kept.update({secret.name: supplied("s" * 40) for secret in made.wanted_secrets()})
    return made


def test_an_app_is_told_where_its_needs_are_and_its_own_keys(tmp_path: Path) -> None:
    made = server(tmp_path)
    variables = environment(made, made.apps[0])
    assert set(variables) == {"DATABASE_URL", "REDIS_URL", "CORS_ORIGINS", "DEEPGRAM_API_KEY", "GEMINI_API_KEY"}
    assert variables["CORS_ORIGINS"] == "https://notes.example.com"
    assert variables["GEMINI_API_KEY"] == "s" * 40


def test_what_you_say_comes_last(tmp_path: Path) -> None:
    made = server(tmp_path, DATABASE_URL="postgresql://elsewhere/x", LOG_LEVEL="debug")
    variables = environment(made, made.apps[0])
    assert variables["DATABASE_URL"] == "postgresql://elsewhere/x"
    assert variables["LOG_LEVEL"] == "debug"


class Shop(App):
    title: ClassVar[str] = "Shop"
    optional: ClassVar[tuple[str, ...]] = ("STRIPE_SECRET_KEY", "SENTRY_DSN")
    generated: ClassVar[tuple[str, ...]] = ("JWT_SECRET",)


def test_an_app_is_given_what_is_made_for_it_and_the_optional_ones_that_are_there() -> None:
    made = Server(host="192.0.2.1", apps=(Shop(name="shop", domain="shop.example.com", source=Folder(path=".")),))
    assert [secret.name for secret in made.wanted_secrets() if secret.generated] == ["shop/JWT_SECRET"]
    made._kept.update({"shop/JWT_SECRET": supplied("j" * 40), "shop/SENTRY_DSN": supplied("https://example.com")})
    assert environment(made, made.apps[0]) == {"JWT_SECRET": "j" * 40, "SENTRY_DSN": "https://example.com"}


@pytest.mark.parametrize("name", ["STRIPE_SECRET_KEY", "JWT_SECRET"])
def test_none_of_them_has_a_place_in_the_inventory(name: str) -> None:
    app = Shop(name="shop", domain="shop.example.com", source=Folder(path="."), env={name: "value"})
    assert f"Shop.env: {name} is a secret: `boxkeeper secrets set ENV APP/{name}` keeps it" in app.faults[0]


def test_a_secret_that_no_environment_can_carry_is_a_fault_that_does_not_repeat_it(tmp_path: Path) -> None:
    made = server(tmp_path)
    made._kept["ai-note-taker/GEMINI_API_KEY"] = supplied("canary\ufffe")
    with pytest.raises(Fault) as fault:
        environment(made, made.apps[0])
    assert str(fault.value).startswith("ai-note-taker: secret GEMINI_API_KEY holds a character")
    assert "canary" not in str(fault.value)


@pytest.mark.target
def test_the_real_systemd_hands_them_on_as_they_were(target: Target) -> None:
    """The parser above is ours; this asks the one that counts."""
    content = base64.b64encode(environment_file(NASTY)).decode()
    show = "import os,json,sys; print(json.dumps(dict(os.environ)))"
    target.succeed(f"umask 077; echo {content} | base64 -d >/run/nasty.env")
    unit = "systemd-run --quiet --wait --pipe --property=EnvironmentFile=/run/nasty.env"
    said = json.loads(target.succeed(f"{unit} /usr/bin/python3 -c {shlex.quote(show)}; rm /run/nasty.env"))
    assert {name: said.get(name) for name in NASTY} == NASTY
