"""An empty project, for tests of what is kept in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from roles.secrets import Store


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of somebody who has no key yet."""
    for name in ("BOXKEEPER_AGE_KEY", "BOXKEEPER_AGE_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "inventories").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Store:
    return Store.beside(folder / "inventories" / "prod.py")
