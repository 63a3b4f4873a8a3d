"""The other key of the repositories of files: added to each, removed from each, and only then forgotten."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from onbox import backup_keys, backups
from onbox.restic import Repository
from onbox.shell import Failed

WRONG = "restic cat: wrong password or no key found"


class Vault:
    """Repositories by name, each with the keys that open it; and those that can't be reached."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = {"here": ["old"], "away": ["old"]}
        self.away: set[str] = set()
        self.write("key", "old")
        self.write("other", "new")

    def write(self, name: str, value: str) -> None:
        (self.folder / name).write_text(value)

    def run(self, repository: Repository, *arguments: str) -> str:
        """What restic does."""
        keys, own = self.keys[repository.name], Path(repository.key).read_text()
        if repository.name in self.away:
            raise Failed(f"restic {arguments[0]}: connection refused")
        if own not in keys:
            raise Failed(WRONG)
        if arguments[:2] == ("key", "add"):
            keys.append(Path(arguments[-1]).read_text())
        if arguments[:2] == ("key", "remove"):
            keys.remove(arguments[2])
        return json.dumps([{"id": key, "current": key == own} for key in keys])


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vault:
    made = Vault(tmp_path)
    of = Repository.of
    described = {"repositories": [{"name": name, "env": {}, "options": []} for name in made.keys]}
    monkeypatch.setattr(Repository, "run", lambda self, *arguments: made.run(self, *arguments))
    monkeypatch.setattr(Repository, "of", lambda each, key=str(tmp_path / "key"): of(each, key))
    monkeypatch.setattr(backup_keys, "OTHER", str(tmp_path / "other"))
    monkeypatch.setattr(backups, "described", lambda: described)
    monkeypatch.setattr(backups, "alone", _alone)
    return made


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    yield


def test_the_next_key_is_added_to_every_repository_once(vault: Vault) -> None:
    assert backup_keys.observe([None]) == [{"here": "is refused", "away": "is refused"}]
    for _ in range(2):
        backup_keys.apply({"opens": True})
    assert vault.keys == {"here": ["old", "new"], "away": ["old", "new"]}
    assert backup_keys.observe([None]) == [{"here": "opens", "away": "opens"}]


def test_the_key_before_is_removed_from_every_repository_and_then_forgotten(vault: Vault) -> None:
    vault.keys = {"here": ["old", "new"], "away": ["new"]}  # where it was cut off
    vault.write("key", "new")
    vault.write("other", "old")
    backup_keys.apply({"opens": False})
    assert vault.keys == {"here": ["new"], "away": ["new"]}
    assert backup_keys.observe([None]) == [None]


def test_one_that_is_out_of_reach_is_said_and_its_key_is_not_forgotten(vault: Vault) -> None:
    vault.keys = {"here": ["old", "new"], "away": ["old", "new"]}
    vault.write("key", "new")
    vault.write("other", "old")
    vault.away = {"away"}
    with pytest.raises(Failed, match="connection refused"):
        backup_keys.apply({"opens": False})
    assert backup_keys.observe([None]) == [{"here": "is refused", "away": "restic cat: connection refused"}]
    vault.away = set()
    backup_keys.apply({"opens": False})
    assert vault.keys == {"here": ["new"], "away": ["new"]}
