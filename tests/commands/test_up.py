"""What `boxkeeper up` says of a box on which everything fits just so."""

from __future__ import annotations

import json
import subprocess
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from cli import main
from commands import up

TIGHT = "--> @box/192.0.2.1: tight: 100 MB of its 37.1 GB of disk stay free"


@pytest.fixture(autouse=True)
def pyinfra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pyinfra that warns, and finds nothing to change."""
    plan = {"plan": [{"name": "base: host", "hosts_with_change": []}]}
    said = f"--> Loading config...\n{TIGHT}\n--> Disconnecting from hosts..."
    done = SimpleNamespace(returncode=0, stdout=json.dumps(plan), stderr=said)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    monkeypatch.setattr(up, "check", lambda inventory: [])
    monkeypatch.setattr(up, "inventory_of", lambda env: f"inventories/{env}.py")


def test_a_warning_is_no_change() -> None:
    assert up.plan("inventories/prod.py") == up.Plan(1, (), (TIGHT,))


def test_a_warning_is_in_the_summary() -> None:
    result = CliRunner().invoke(main, ["up", "prod"])
    assert result.output == f"Everything is as wanted.\n{TIGHT}\n"
    assert result.exit_code == 0
