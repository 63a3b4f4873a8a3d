"""Where PostgreSQL's extensions come from, read from what dpkg and apt keep. The rest is in tests/data."""

from __future__ import annotations

from pathlib import Path

import pytest

from onbox import extensions, machine, packages, postgres

QUERY = {"packages": ["pgvector"], "databases": ["rodeo_ai"]}


@pytest.fixture(autouse=True)
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A box without PostgreSQL, and with empty lists of packages."""
    (tmp_path / "lists").mkdir()
    (tmp_path / "status").write_text("Package: bash\nStatus: install ok installed\n")
    monkeypatch.setattr(packages, "STATUS", str(tmp_path / "status"))
    monkeypatch.setattr(packages, "LISTS", str(tmp_path / "lists"))
    monkeypatch.setattr(postgres, "CLUSTERS", str(tmp_path / "postgresql"))
    monkeypatch.setattr(machine, "distro", lambda: "debian 12")
    return tmp_path


def test_a_bare_box_has_nothing_and_says_what_it_is() -> None:
    assert extensions.observe([QUERY]) == [{"distro": "debian 12", "there": [], "databases": {"rodeo_ai": []}}]


def test_a_package_in_apts_lists_is_there(box: Path) -> None:
    (box / "lists/example_Packages").write_text("Package: postgresql-17-pgvector\nVersion: 0.8\n")
    assert extensions.observe([QUERY])[0]["there"] == ["pgvector"]


def test_a_package_that_is_installed_is_there(box: Path) -> None:
    (box / "status").write_text("Package: postgresql-15-pgvector\nStatus: install ok installed\n")
    assert extensions.observe([QUERY])[0]["there"] == ["pgvector"]


def test_a_package_for_another_version_of_postgresql_is_not(box: Path) -> None:
    (box / "postgresql/15/main").mkdir(parents=True)
    (box / "postgresql/15/main/postgresql.conf").write_text("")
    (box / "lists/example_Packages").write_text("Package: postgresql-17-pgvector\nVersion: 0.8\n")
    assert extensions.observe([QUERY])[0]["there"] == []
