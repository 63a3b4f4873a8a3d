"""Runs of pyinfra and of our own commands against a target, as a user would type them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from commands.demo import FIVE
from roles import ROOT
from target.box import Target


@dataclass(frozen=True)
class Run:
    """One run of pyinfra, as a user runs it."""

    code: int
    output: str

    @property
    def changes(self) -> list[str]:
        """The operations that `--dry --json` says would change something. Raises AssertionError when it failed."""
        assert self.code == 0, self.output
        plan = json.loads(self.output)["plan"]
        return [operation["name"] for operation in plan if operation["hosts_with_change"]]


def run(inventory: str | Path, deploy: str | Path, *arguments: str, environment: Mapping[str, str]) -> Run:
    """Run `pyinfra INVENTORY DEPLOY ARGUMENTS` from the top of the project, with more variables in its environment."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("pyinfra")), str(inventory), str(deploy), *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if "--json" in arguments else subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    return Run(done.returncode, done.stdout)


def start(inventory: str | Path, deploy: str | Path, *, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A run that goes on beside the test, which may kill it."""
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("pyinfra")), str(inventory), str(deploy), "-y"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def boxkeeper(
    *arguments: str, environment: Mapping[str, str], stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run `boxkeeper ARGUMENTS`, with more variables in its environment."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("boxkeeper")), *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        input=stdin,
        capture_output=True,
        timeout=1800,
        check=False,
    )


def pyinfra(
    target: Target,
    *arguments: str,
    port: int | None = None,
    deploy: str = "deploys/full.py",
    inventory: str = FIVE,
) -> Run:
    """Run `pyinfra INVENTORY DEPLOY ARGUMENTS` against this target; `port` for a relay before it."""
    return run(inventory, deploy, *arguments, environment=environment(target, port))


def environment(target: Target, port: int | None = None) -> dict[str, str]:
    """What tells our inventories which target is meant."""
    return {"BOXKEEPER_TARGET": target.name, "BOXKEEPER_TARGET_PORT": str(port or "")}


def changes(target: Target, inventory: str = FIVE) -> list[str]:
    """The operations that a run would change something with, from pyinfra's own plan."""
    return pyinfra(target, "--dry", "--json", inventory=inventory).changes


def unit(target: Target, app: str, process: str = "web") -> str:
    """The service of a process of an app, in the slot that is live."""
    return f"{app}-{process}@{target.succeed(f'basename $(readlink /srv/{app}/live)')}.service"


def forget_source(target: Target, app: str) -> None:
    """As if what is live were of another source: the next run makes a release."""
    target.succeed(f'sed -i \'s/"source": "[^"]*"/"source": "of before"/\' /srv/{app}/live/release/release.json')
