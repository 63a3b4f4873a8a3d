"""A box that is too small is refused before anything on it changes; one that just fits is warned about."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyrage
import pytest

from roles import ROOT
from target import own
from target.box import Target
from target.run import Run, run

pytestmark = pytest.mark.target

NAME = own("budgetbox")
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Bare:
    """A box as a provider hands it over, and a project of its own for its secrets."""

    target: Target
    project: Path
    key: str

    def run(self, deploy: str, *arguments: str, disk: str = "1gb", memory: str = "128M") -> Run:
        data = {"target": self.target.name, "port": self.target.port(22), "disk": disk, "memory": memory}
        variables = {"BUDGET": json.dumps(data), "BOXKEEPER_AGE_KEY": self.key}
        return run(self.project / "inventory.py", ROOT / "deploys" / deploy, *arguments, environment=variables)

    def written(self) -> str:
        """The files that are newer than the mark, less what logging in and the journal write."""
        spared = " ".join(f"-path {path} -prune -o" for path in ("/proc", "/sys", "/run", "/dev", "/tmp", "/var/log"))
        return self.target.succeed(f"find / -xdev {spared} -newer /mark -print | grep -v '^/$' || true")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    project = tmp_path_factory.mktemp("project")
    shutil.copy(HERE / "inventory.py", project)
    target = Target.start(NAME)
    target.succeed("touch /mark; sleep 0.1")
    yield Bare(target, project, str(pyrage.x25519.Identity.generate()))
    if not os.environ.get("BOXKEEPER_KEEP_TARGET"):
        target.remove()


def room(bare: Bare) -> tuple[int, int]:
    """Memory in MB, and the disk's size in GB, as the box itself says."""
    memory = int(bare.target.succeed("awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo"))
    return memory, int(bare.target.succeed("df -BG --output=size / | tail -1").strip(" G\n"))


@pytest.mark.parametrize("deploy", ["full.py", "apps.py"])
def test_an_app_with_more_disk_than_the_box_is_refused_before_anything_is_written(bare: Bare, deploy: str) -> None:
    _, disk = room(bare)
    done = bare.run(deploy, "-y", disk=f"{disk + 200}gb")
    assert done.code == 2, done.output
    (said,) = [line for line in done.output.splitlines() if "this box" in line]
    assert re.match(r"--> @box/127.0.0.1: this box has \d+\.\d GB of disk, and \d+\.\d GB are needed \(movies ", said)
    assert said.endswith(": no plan of `boxkeeper plans` fits; or write a smaller `disk` for movies")
    assert "nothing was changed" in done.output
    assert "Traceback" not in done.output
    assert bare.written() == ""


def test_an_app_with_more_memory_than_the_box_is_refused_with_the_cheapest_plan(bare: Bare) -> None:
    memory, _ = room(bare)
    done = bare.run("full.py", "-y", memory=f"{2 * memory}M")
    assert done.code == 2, done.output
    assert "of memory, and what runs takes" in done.output
    assert bare.written() == ""


def test_a_box_that_just_fits_is_warned_about_in_the_same_exec_and_its_plan_is_the_same(bare: Bare) -> None:
    memory, _ = room(bare)
    tight = f"{memory * 17 // 20}M"
    roomy, warned = bare.run("full.py", "--dry"), bare.run("full.py", "--dry", memory=tight)
    assert (roomy.code, warned.code) == (0, 0), warned.output
    assert ": tight: what runs takes " not in roomy.output
    assert warned.output.count(": tight: what runs takes ") == 1
    plans = [bare.run("full.py", "--dry", "--json", memory=size).output for size in ("128M", tight)]
    first, second = ([operation["name"] for operation in json.loads(plan)["plan"]] for plan in plans)
    assert first == second
    assert not any("budget" in name for name in first)
    assert bare.written() == ""
