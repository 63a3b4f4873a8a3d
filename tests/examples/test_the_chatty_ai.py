"""The example as a source of releases: what it pins, and what it asks for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from roles import ROOT
from roles.apps import Folder
from roles.apps.the_chatty_ai import TheChattyAi

SOURCE = ROOT / "examples" / "the_chatty_ai"
LOCKED = [SOURCE, ROOT / "examples" / "any" / "express" / "api"]


@pytest.mark.parametrize("source", LOCKED, ids=lambda source: str(source.name))
def test_the_lock_pins_all_packages_and_no_registry(source: Path) -> None:
    package, lock = (json.loads((source / name).read_text()) for name in ("package.json", "package-lock.json"))
    assert lock["packages"][""]["dependencies"] == package["dependencies"]
    for name, kept in lock["packages"].items():
        assert "resolved" not in kept
        assert name == "" or "integrity" in kept, name


def test_every_variable_that_it_asks_for_is_given() -> None:
    app = TheChattyAi(domain="chatty.example.com", source=Folder(path=str(SOURCE)))
    text = (SOURCE / "src" / "settings.js").read_text()
    asked = set(json.loads("[" + text.partition("REQUIRED = [")[2].partition("]")[0].strip().rstrip(",") + "]"))
    assert asked == {"DATABASE_URL", "REDIS_URL", *app.secrets, *app.variables} - {"NODE_ENV"}
