"""A target that the three roles which can lock out are run on, and the ways to log in to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko

from roles import ROOT
from target.box import Target

NAME = "netbox"
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Net:
    """The box, and this machine as its control machine."""

    target: Target

    def run(self, *arguments: str, **wanted: Any) -> subprocess.CompletedProcess[str]:
        """Run pyinfra with the inventory beside this file, as a user does."""
        defaults = {"target": self.target.name, "host": "127.0.0.1", "port": self.target.port(22)}
        return subprocess.run(
            [str(Path(sys.executable).with_name("pyinfra")), HERE / "inventory.py", HERE / "deploy.py", *arguments],
            cwd=ROOT,
            env={**os.environ, "NET": json.dumps({**defaults, **wanted})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if "--json" in arguments else subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )

    def converge(self, **wanted: Any) -> str:
        """A run that must succeed; what it printed."""
        done = self.run("-y", **wanted)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def refused(self, **wanted: Any) -> str:
        """A run that must stop, and say why without a traceback; what it printed."""
        done = self.run("-y", **wanted)
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stdout, done.stdout
        return done.stdout

    def changes(self, **wanted: Any) -> list[str]:
        """The operations that a run would change something with, from pyinfra's own plan."""
        done = self.run("--dry", "--json", **wanted)
        assert done.returncode == 0, done.stdout
        return [operation["name"] for operation in json.loads(done.stdout)["plan"] if operation["hosts_with_change"]]

    def log_in(self, user: str = "admin", port: int | None = None, password: str | None = None) -> bool:
        """Whether sshd lets this machine in, over a new connection. `port` is one of the box's own address."""
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        key = None if password else str(self.target.folder / "id_ed25519")
        try:
            client.connect(
                self.target.address if port else "127.0.0.1",
                port or self.target.port(22),
                user,
                password,
                key_filename=key,
                allow_agent=False,
                look_for_keys=False,
                timeout=2,
            )
        except (OSError, paramiko.SSHException):
            return False
        finally:
            client.close()
        return True

    def sshd(self, setting: str) -> str:
        """What sshd says a setting is."""
        return self.target.succeed(f"sshd -T | sed -n 's/^{setting} //p'")
