"""The example as a source of releases: what it pins, what it says, and its own tests."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "examples" / "flavor_monk"
PACKAGES = json.loads((APP / "package-lock.json").read_text())["packages"]


def test_the_lock_pins_all_packages_and_no_registry() -> None:
    wanted = json.loads((APP / "package.json").read_text())["dependencies"]
    assert PACKAGES[""]["dependencies"] == wanted
    assert all(re.fullmatch(r"[0-9.]+", version) for version in wanted.values())
    for name, package in PACKAGES.items():
        assert "resolved" not in package
        assert name == "" or "integrity" in package, name


@pytest.mark.parametrize("package", ["next", "sharp"])
def test_the_lock_holds_the_binaries_of_every_machine(package: str) -> None:
    # npm leaves out those that a registry does not have yet, and `npm ci` then refuses: https://github.com/npm/cli/issues/4828
    for name in PACKAGES[f"node_modules/{package}"]["optionalDependencies"]:
        assert f"node_modules/{name}" in PACKAGES


def test_the_health_of_the_example_knows_each_part_that_its_template_needs() -> None:
    health = (APP / "app" / "api" / "health" / "route.js").read_text()
    for part in ("database", "redis", "chroma", "ollama"):
        assert f'part("{part}"' in health


@pytest.mark.target
def test_its_own_tests_pass(node: Path) -> None:
    command = [str(node / "node"), "--test", *map(str, sorted((APP / "tests").glob("*.test.mjs")))]
    done = subprocess.run(command, cwd=APP, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
