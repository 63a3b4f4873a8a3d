"""What an app may be called, where it may be reached, and what its environment can carry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roles.apps import Folder
from roles.apps.ai_note_taker import AiNoteTaker
from roles.apps.texts import normal_domain, uncarriable


def app(**more: object) -> AiNoteTaker:
    return AiNoteTaker(**{"domain": "notes.example.com", "source": Folder(path="."), **more})


@pytest.mark.parametrize("name", ["ab", "note-taker", "a1", "x" * 31])
def test_a_name_of_letters_digits_and_dashes_is_taken(name: str) -> None:
    assert app(name=name).faults == ()
    assert app(name=name).name == name


@pytest.mark.parametrize(
    "name",
    ["", "a", "1a", "-a", "a-", "A", "a_b", "a.b", "a/b", "..", "a b", "x" * 32, "ä", "root", "www-data", "pg-x"],
)
def test_a_name_that_a_box_or_a_path_could_stumble_over_is_refused(name: str) -> None:
    assert len(app(name=name).faults) == 1


@pytest.mark.parametrize(
    ("typed", "normal"),
    {
        "Notes.Example.COM": "notes.example.com",
        "notes.example.com.": "notes.example.com",
        " notes.example.com\n": "notes.example.com",
        "müller.example": "xn--mller-kva.example",
        "MÜLLER.example": "xn--mller-kva.example",
        "straße.example": "xn--strae-oqa.example",
        "例え.テスト": "xn--r8jz45g.xn--zckzah",
        "xn--mller-kva.example": "xn--mller-kva.example",
        "a.xn--p1ai": "a.xn--p1ai",
        f"{'a' * 63}.example": f"{'a' * 63}.example",
    }.items(),
)
def test_a_domain_is_kept_in_one_form(typed: str, normal: str) -> None:
    assert app(domain=typed).domain == normal
    assert app(aliases=(typed,)).aliases == (normal,)


@pytest.mark.parametrize(
    "typed",
    [
        *("localhost", "192.0.2.1", "2001:db8::1", "a..b", ".example.com", "-a.example.com", "a-.example.com"),
        *("https://example.com", "example.com:443", "example.com/", "*.example.com", "a b.example", "a_b.example.com"),
        *(
            "example.c",
            "example.1",
            f"{'a' * 64}.example",
            f"{'a.' * 126}example",
            "ü" * 64 + ".example",
            "a\u3002",
            "?",
        ),
    ],
)
def test_what_is_no_domain_is_refused(typed: str) -> None:
    (fault,) = app(domain=typed).faults
    assert fault.startswith("AiNoteTaker.domain: ")
    assert "is no domain" in fault


@given(st.text(max_size=40))
def test_a_domain_that_is_taken_is_taken_again_unchanged(typed: str) -> None:
    try:
        once = normal_domain(typed)
    except ValueError:
        return
    assert normal_domain(once) == once
    assert once.isascii()
    assert not set(once) - set("abcdefghijklmnopqrstuvwxyz0123456789-.")


@pytest.mark.parametrize("name", ["A", "_a", "LOG_LEVEL", "a1", "x" * 128])
def test_an_environment_variable_is_called_as_posix_says(name: str) -> None:
    assert app(env={name: "1"}).env == {name: "1"}


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "A=B", "Ä", "A\n", "x" * 129])
def test_other_names_of_variables_are_refused(name: str) -> None:
    (fault,) = app(env={name: "1"}).faults
    assert "can't be the name of an environment variable" in fault


@pytest.mark.parametrize(
    "value", ["", "\n\r\t\x01\x7f", "'\"`$\\%#;", "\\", "ä\U0001f600\ufdcf\ufdf0\ufffd", "x" * 130_000]
)
def test_a_value_may_be_any_text(value: str) -> None:
    assert app(env={"A": value}).env == {"A": value}


@pytest.mark.parametrize(
    "value", ["\0", "a\0b", "\ud800", "\ufffe", "\uffff", "\ufdd0", "\U0001fffe", "x" * 131_000, "ä" * 66_000]
)
def test_a_value_that_would_not_arrive_is_refused(value: str) -> None:
    assert uncarriable(value)
    assert len(app(env={"A": value}).faults) == 1


def test_a_secret_of_the_app_has_no_place_in_the_inventory() -> None:
    (fault,) = app(env={"GEMINI_API_KEY": "canary"}).faults
    assert "GEMINI_API_KEY is a secret" in fault
    assert "canary" not in fault


def test_places_follow_from_the_name() -> None:
    made = app(name="note-taker")
    assert (made.root, made.env_file, made.database) == (
        "/srv/note-taker",
        "/etc/boxkeeper/apps/note-taker.env",
        "note_taker",
    )
    assert made.socket("web") == "/srv/note-taker/live/web.sock"
    assert made.units_folder == "/etc/boxkeeper/apps/note-taker"
    assert made.units == ["note-taker-build", "note-taker-release", "note-taker-web", "note-taker-cleanup"]
