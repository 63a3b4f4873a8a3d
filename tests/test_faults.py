"""What cuts a run off in the middle of a role, or of everything, is said in a line, and healed by the next run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from commands.demo import FIVE
from roles import ROOT
from target.box import Target
from target.link import Link
from target.run import changes, environment, pyinfra

pytestmark = pytest.mark.target
DISTURBED = {
    "base": "/etc/systemd/journald.conf.d/90-boxkeeper.conf",
    "ssh": "/etc/ssh/sshd_config.d/00-boxkeeper.conf",
    "firewall": "/etc/fail2ban/jail.d/boxkeeper.local",
    "postgres": "/etc/postgresql/*/main/conf.d/99-boxkeeper.conf",
    "redis": "/etc/systemd/system/boxkeeper-redis@.service",
    "chroma": "/etc/systemd/system/boxkeeper-chroma@.service",
    "ollama": "/etc/systemd/system/boxkeeper-ollama.service",
    "tls": "/etc/systemd/system/boxkeeper-certificates.timer",
    "nginx": "/etc/nginx/nginx.conf",
    "turn": "/etc/boxkeeper/turn/turnserver.conf",
    "apps": "/etc/boxkeeper/apps/ai-note-taker.env",
    "backups": "/etc/systemd/system/boxkeeper-backup.timer",
    "alerts": "/etc/systemd/system/boxkeeper-alerts.service",
    "drift": "/etc/systemd/system/boxkeeper-drift.timer",
}
"""A file of each role, in their order, to which somebody adds a line."""


class Watched:
    """A run whose output is read line by line, so that it can be met where it is."""

    def __init__(self, target: Target, port: int | None = None) -> None:
        line = [str(Path(sys.executable).with_name("pyinfra")), FIVE, "deploys/full.py", "-y"]
        variables = {**os.environ, **environment(target, port), "PYTHONUNBUFFERED": "1", "PYINFRA_PROGRESS": "off"}
        self._run = subprocess.Popen(
            line, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.said = ""

    def comes_to(self, operation: str) -> None:
        """Read until an operation begins whose name begins so."""
        assert self._run.stdout
        for line in self._run.stdout:
            self.said += line.decode()
            if f"Starting operation: {operation}" in self.said.splitlines()[-1]:
                return
        raise AssertionError(f"it does not come to {operation}:\n{self.said}")

    def ends(self) -> int:
        """Read the rest. Returns its exit code."""
        self.said += self._run.communicate(timeout=300)[0].decode()
        return self._run.returncode


def test_a_connection_that_is_cut_in_the_middle_of_any_role_is_healed_by_the_next_run(target: Target) -> None:
    for path in DISTURBED.values():
        target.succeed(f"for file in {path}; do test -f $file && echo '# disturbed' >>$file; done")
    for role in DISTURBED:
        with Link(("127.0.0.1", target.port(22)), delay=0) as port:  # what is open ends with it, in the middle
            target.pin(port)
            run = Watched(target, port)
            run.comes_to(f"{role}: ")
        code = run.ends()
        assert code != 0, f"{role}\n{run.said}"
        assert "Traceback" not in run.said, f"{role}\n{run.said}"
    healing = pyinfra(target, "-y")
    assert healing.code == 0, healing.output
    assert target.execute(f"grep -l '# disturbed' {' '.join(DISTURBED.values())}")[1].strip() == ""
    assert changes(target) == []


def test_a_reboot_in_the_middle_of_a_run_is_healed_by_the_next(target: Target) -> None:
    target.succeed("DEBIAN_FRONTEND=noninteractive apt-get -qq -y purge fail2ban >/dev/null 2>&1")
    run = Watched(target)
    run.comes_to("firewall: packages")
    target.reboot()
    assert run.ends() != 0
    assert "Traceback" not in run.said, run.said
    healing = pyinfra(target, "-y")
    assert healing.code == 0, healing.output
    assert target.succeed("dpkg --audit; systemctl --failed --plain --no-legend").strip() == ""
    assert changes(target) == []
