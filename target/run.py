"""Runs of pyinfra against a target, as a user would type them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from commands.demo import INVENTORY
from roles import ROOT
from target.box import Target


@dataclass(frozen=True)
class Run:
    """One run of pyinfra on a target, as a user runs it."""

    code: int
    output: str


def pyinfra(target: Target, *arguments: str, port: int | None = None, deploy: str = "deploys/full.py") -> Run:
    """Run `pyinfra inventories/docker.py DEPLOY ARGUMENTS` against this target; `port` for a relay before it."""
    line = [str(Path(sys.executable).with_name("pyinfra")), INVENTORY, deploy, *arguments]
    done = subprocess.run(
        line,
        cwd=ROOT,
        env=environment(target, port),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if "--json" not in arguments else subprocess.DEVNULL,
        text=True,
        timeout=900,
        check=False,
    )
    return Run(done.returncode, done.stdout)


def environment(target: Target, port: int | None = None) -> dict[str, str]:
    """What tells inventories/docker.py which target is meant."""
    return {**os.environ, "BOXKEEPER_TARGET": target.name, "BOXKEEPER_TARGET_PORT": str(port or "")}


def changes(target: Target) -> list[str]:
    """The operations that a run would change something with, from pyinfra's own plan."""
    run = pyinfra(target, "--dry", "--json")
    assert run.code == 0, run.output
    return [operation["name"] for operation in json.loads(run.output)["plan"] if operation["hosts_with_change"]]
