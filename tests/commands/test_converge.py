"""A run that is interrupted ends, and so does the pyinfra that it started."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commands import converge
from roles import ROOT

CONVERGE = """
import sys
from commands import converge
from roles import Fault
sys.executable, converge.PATIENCE = {executable!r}, 1
try:
    converge.converge("inventories/prod.py", "deploys/full.py")
except Fault as fault:
    print(fault)
"""


@pytest.mark.parametrize("answer", ["exit 1", "echo deaf"])
def test_an_interrupt_reaches_pyinfra_and_says_that_running_again_is_safe(tmp_path: Path, answer: str) -> None:
    pid = tmp_path / "pid"
    pyinfra = tmp_path / "pyinfra"
    pyinfra.write_text(
        f"#!/bin/sh\ntrap '{answer}' INT\necho $$ >{pid}.new; mv {pid}.new {pid}\nwhile :; do sleep 0.1; done\n"
    )
    pyinfra.chmod(0o755)
    program = CONVERGE.format(executable=str(tmp_path / "python"))
    heeding = ["env", "--default-signal=INT", sys.executable]  # whoever runs the tests in the background ignores it
    run = subprocess.Popen([*heeding, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 30
        while not pid.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)  # to the one process, as a program would; a terminal signals both
        said, _ = run.communicate(timeout=30)
    finally:
        run.kill()
    assert said.endswith("stopped; what was done stays, and running the same line again is safe\n")
    assert not Path("/proc", pid.read_text().strip()).exists()


def test_a_failure_is_said_once_and_what_comes_of_it_is_only_called_one(capsys: pytest.CaptureFixture[str]) -> None:
    reason = "[@box/b] notes: it ends right after it starts"
    lines = [
        "--> Starting operation: apps: notes release",
        reason,
        "[@box/b] Error (ignored): executed 0 commands",
        "--> Starting operation: apps: notes is live",
        reason,
        "[@box/b] Error: executed 0 commands",
        "--> pyinfra error: No hosts remaining!",
    ]
    assert converge._show(lines) == 0
    assert capsys.readouterr().out.splitlines() == [
        "  apps: notes release: failed",
        reason,
        "  apps: notes is live: failed",
    ]
