"""Virtual environments where there is no uv."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from onbox import venvs


def test_without_uv_pip_makes_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venvs, "UV", str(tmp_path / "no-uv-here"))
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    venvs.make(str(tmp_path / "venv"), str(tmp_path / "requirements.txt"))
    shown = subprocess.run([tmp_path / "venv/bin/python", "-m", "pip", "--version"], capture_output=True, text=True)
    assert str(tmp_path / "venv") in shown.stdout


def test_an_environment_cut_off_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venvs, "UV", str(tmp_path / "no-uv-here"))
    (tmp_path / "venv").mkdir()
    assert venvs.observe([str(tmp_path / "venv")]) == [None]
    venvs.apply({"path": str(tmp_path / "venv"), "requirements": ["pip"]})
    assert venvs.observe([str(tmp_path / "venv")]) == [["pip"]]


def test_an_environment_of_another_python_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venvs, "UV", str(tmp_path / "no-uv-here"))
    venvs.apply({"path": str(tmp_path / "venv"), "requirements": ["pip"]})
    (folder,) = (tmp_path / "venv/lib").glob("python3.*")
    folder.rename(folder.with_name("python3.1"))
    assert venvs.observe([str(tmp_path / "venv")]) == [None]
