"""What an app says has none of its secrets in it when it is written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from onbox import masks, records
from onbox.masks import masked
from roles.apps.environment import environment_file

KEY = json.dumps({"private_key": "-----BEGIN-----\nMIIEvQ$IB`A\\D\n-----END-----", "id": 'a"b'}, indent=1)
VARIABLES = {
    "API_KEY": "sk-live-12345",
    "CREDENTIALS": KEY,
    "DATABASE_URL": "postgresql://notes_1:p%2Fss-word@127.0.0.1:5432/notes",
    "LOG_LEVEL": "information",
    "SHORT": "yes",
}
HIDDEN = ["API_KEY", "CREDENTIALS", "DATABASE_URL", "SHORT"]


@pytest.fixture(autouse=True)
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An app's environment, as the control machine writes it."""
    monkeypatch.setattr(masks, "ENVIRONMENTS", str(tmp_path))
    monkeypatch.setattr(records, "home", lambda app: str(tmp_path / "home"))
    (tmp_path / "notes.env").write_bytes(environment_file(VARIABLES, HIDDEN))
    return tmp_path


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("401 for sk-live-12345", "401 for [API_KEY]"),
        (f"no such address: {VARIABLES['DATABASE_URL']}", "no such address: [DATABASE_URL]"),
        ("the password p/ss-word is wrong", "the password [DATABASE_URL] is wrong"),
        (f"not JSON: {KEY}", "not JSON: [CREDENTIALS]"),
        (KEY.splitlines()[1], " [CREDENTIALS]"),
        ("information: yes, 127.0.0.1:5432 of notes", "information: yes, 127.0.0.1:5432 of notes"),
    ],
)
def test_a_secret_is_covered_by_its_name_and_all_else_stays(said: str, shown: str) -> None:
    assert masked(said, "notes") == shown


def test_a_secret_of_the_version_that_is_live_is_covered_too(notes: Path) -> None:
    old = notes / "home" / "live" / "release"
    old.mkdir(parents=True)
    (old / "environment").write_bytes(environment_file({"API_KEY": "sk-live-before"}, ["API_KEY"]))
    assert masked("sk-live-before or sk-live-12345", "notes") == "[API_KEY] or [API_KEY]"


def test_an_app_without_an_environment_has_nothing_to_cover() -> None:
    assert masked("as it is", "other") == "as it is"
