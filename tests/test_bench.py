"""The bench of releases: what it counts is what no client may notice."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from roles import ROOT

pytestmark = pytest.mark.target


def test_five_releases_one_of_them_broken_and_a_rollback_are_noticed_by_nobody(
    record_property: Callable[[str, object], None],
) -> None:
    command = "./boxkeeper bench release"
    done = subprocess.run(command.split(), cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    record_property("figures", done.stdout)
    trials = json.loads((ROOT / ".boxkeeper" / "bench-release.json").read_text())
    assert [found["kind"] for found in trials] == ["python", "node"]
    for found in trials:
        assert found["failed"] == []
        assert found["cut"] == []
        assert found["sockets"] == 200
        assert found["requests"] > 500
        assert [(step["what"], step["code"] == 0, step["seconds"] is not None) for step in found["steps"]] == [
            ("two", True, True),
            ("three", True, True),
            ("broken", False, False),
            ("four", True, True),
            ("five", True, True),
            ("back to one", True, True),
        ]
