"""Commands that need root on the machine that runs the target, and the lock around them."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from roles import Fault
from target import STATE


def as_root(*argv: str) -> list[str]:
    """`argv`, through sudo when this process is not root. Raises Fault when there is no sudo."""
    if os.geteuid() == 0:
        return list(argv)
    if shutil.which("sudo") is None:
        raise Fault(f"`{argv[0]}` needs root and there is no sudo: run this as root")
    return ["sudo", *argv]


def run_as_root(*argv: str, log: str) -> None:
    """Run to the end; what it prints goes to `.boxkeeper/<log>`. Raises Fault with the last lines."""
    path = STATE / log
    STATE.mkdir(exist_ok=True)
    with path.open("wb") as output:
        done = subprocess.run(as_root(*argv), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    if done.returncode != 0:
        raise Fault(f"`{argv[0]}` failed ({done.returncode}): {tail(log)} (all of it: {path})")


def tail(log: str, lines: int = 3) -> str:
    """The last lines of `.boxkeeper/<log>`, on one line."""
    path = STATE / log
    text = path.read_text(errors="replace") if path.exists() else ""
    return " / ".join(line.strip() for line in text.strip().splitlines()[-lines:]) or "it printed nothing"


def install(*packages: str) -> None:
    """Packages of this machine's own distribution, by apt-get. Raises Fault."""
    if shutil.which("apt-get") is None:
        raise Fault(f"this machine lacks {' and '.join(packages)} and has no apt-get: install them")
    apt = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=120")
    run_as_root(*apt, "update", log="apt-update.log")
    run_as_root(*apt, "install", "-y", "--no-install-recommends", *packages, log="apt-install.log")


@contextmanager
def only_one(what: str) -> Iterator[None]:
    """Wait for every other process that does `what`; the lock goes with the process that holds it."""
    STATE.mkdir(exist_ok=True)
    with (STATE / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
