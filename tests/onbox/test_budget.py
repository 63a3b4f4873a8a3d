"""The box says how big it is and what is there, without a process or a look into folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onbox import budget, machine


def test_it_says_how_big_it_is_and_what_is_free() -> None:
    (found,) = budget.observe([[]])
    assert found["ram_mb"] == machine.memory_mb() > 0
    assert 0 <= found["free_mb"] < found["disk_mb"]
    assert found["swap_mb"] >= 0


def test_of_the_paths_it_names_those_that_are_there(tmp_path: Path) -> None:
    there, link, missing = (str(tmp_path / name) for name in ("there", "link", "missing"))
    os.mkdir(there)
    os.symlink("nowhere", link)
    assert budget.observe([[there, link, missing], []])[0]["there"] == [there, link]


def test_it_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", None)
    assert budget.observe([["/"]])[0]["there"] == ["/"]
