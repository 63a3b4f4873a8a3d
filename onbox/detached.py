"""Steps that take long, in a unit of their own: they go on when the connection that started them is lost."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence

from onbox.journal import last_lines
from onbox.shell import Failed, said

PROGRAM = ("/usr/bin/python3", "-Iu", "/usr/local/lib/boxkeeper")
"""What begins a program of ours; its words come as they are said."""


def run(unit: str, arguments: Sequence[str]) -> None:
    """Run a program of ours as `unit` to its end. Raises Failed with its last lines.

    One that still runs, of a connection that was lost, is let end first: it may have done the work already, and then
    the same step finds nothing left to do.
    """
    wait(unit)
    started = time.time()
    properties = ["--property=Nice=10", "--property=IOSchedulingClass=idle", "--property=PrivateTmp=yes"]
    command = ["systemd-run", "--quiet", "--wait", "--collect", f"--unit={unit}", *properties, *PROGRAM, *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        raise Failed(last_lines(unit, started).strip() or done.stderr.decode(errors="replace").strip())


def wait(unit: str) -> None:
    while said(["systemctl", "is-active", unit]).strip() in ("active", "activating", "deactivating"):
        time.sleep(0.5)
