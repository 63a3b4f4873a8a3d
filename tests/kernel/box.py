"""A machine with a kernel of its own, and the role that it is for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from roles.base import KERNEL
from target.machine import Machine
from target.run import Run, boxkeeper, run

NAME = "kernelbox"
HERE = Path(__file__).resolve().parent
JOURNAL_MB = 16


@dataclass(frozen=True)
class Kernel:
    """The machine, and the way to converge it as a user does."""

    machine: Machine

    def run(self, *arguments: str) -> Run:
        return run(HERE / "inventory.py", HERE / "deploy.py", *arguments, environment=self._variables())

    def _variables(self) -> dict[str, str]:
        data = {
            "port": self.machine.port,
            "key": str(self.machine.key),
            "known_hosts": str(self.machine.folder / "known_hosts"),
            "journal_mb": JOURNAL_MB,
        }
        return {"KERNEL": json.dumps(data)}

    def check(self, code: int) -> str:
        """What `boxkeeper check` says, which must end so."""
        done = boxkeeper("check", str(HERE / "inventory.py"), environment=self._variables())
        assert done.returncode == code, done
        return done.stdout.decode()

    def converge(self) -> str:
        """A run that must succeed; what it printed."""
        done = self.run("-y")
        assert done.code == 0, done.output
        return done.output

    def changes(self) -> list[str]:
        """The operations that a run would change something with, from pyinfra's own plan."""
        return self.run("--dry", "--json").changes

    def settings(self) -> dict[str, str]:
        """Every kernel setting that is no interface's own, as the kernel has it."""
        names = [name for name, _, _ in KERNEL if "*" not in name]
        values = self.machine.succeed(f"sysctl -n {' '.join(names)}").splitlines()
        return dict(zip(names, values, strict=True))

    def trusting(self) -> list[str]:
        """The interfaces, present and to come, that would let others decide where packets go, and by what setting."""
        settings = "accept_redirects accept_source_route secure_redirects send_redirects"
        look = f"for name in {settings}; do grep -H -v '^0$' /proc/sys/net/ipv[46]/conf/*/$name; done; true"
        return self.machine.succeed(look).splitlines()

    def swap_mb(self) -> int:
        """The swap that is in use, in MB."""
        sizes = self.machine.succeed("swapon --show=SIZE --bytes --noheadings").split()
        return sum(map(int, sizes)) // 2**20
