"""A target that the three roles which can lock out are run on, and the ways to log in to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko

from target import own
from target.box import Target
from target.project import Runs
from target.run import Run, run

NAME = own("netbox")
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Net(Runs):
    """The box, and this machine as its control machine."""

    target: Target

    def run(self, *arguments: str, **wanted: Any) -> Run:
        """Run pyinfra with the inventory beside this file, as a user does."""
        defaults = {"target": self.target.name, "host": "127.0.0.1", "port": self.target.port(22)}
        variables = {"NET": json.dumps({**defaults, **wanted})}
        return run(HERE / "inventory.py", HERE / "deploy.py", *arguments, environment=variables)

    def refused(self, code: int = 1, **wanted: Any) -> str:
        """A run that must stop, and say why without a traceback; what it printed."""
        done = self.run("-y", **wanted)
        assert done.code == code, done.output
        assert "Traceback" not in done.output, done.output
        return done.output

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
