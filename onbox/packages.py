"""Distribution packages, on a box where cloud-init or unattended-upgrades may be busy, or a run was cut off."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import time
from collections.abc import Sequence
from typing import Any

from onbox.shell import Failed, run

Json = Any
STATUS = "/var/lib/dpkg/status"
UPDATES = "/var/lib/dpkg/updates"
LISTS = "/var/lib/apt/lists"
LOCKS = ("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/apt/lists/lock", "/var/cache/apt/archives/lock")
PATIENCE = 600.0
"""Seconds to wait for somebody else's apt: a first boot's upgrade takes minutes on a small box."""

ENVIRONMENT = {
    "DEBIAN_FRONTEND": "noninteractive",
    # needrestart would restart databases in the middle of our work; NEEDRESTART_MODE=l does not stop it on
    # Ubuntu 24.04, this does. We restart what needs it ourselves.
    "NEEDRESTART_SUSPEND": "1",
}
APT = (
    "apt-get",
    "--yes",
    "--quiet",
    "--option=DPkg::Lock::Timeout=600",
    "--option=Dpkg::Options::=--force-confdef",
    "--option=Dpkg::Options::=--force-confold",
    "--option=Acquire::Retries=3",
)


def observe(queries: list[list[str]]) -> list[Json]:
    states = _states()
    broken = sorted(name for name, state in states.items() if state not in WHOLE)
    return [
        {"installed": [name for name in names if states.get(name) == "installed"], "broken": broken}
        for names in queries
    ]


WHOLE = ("installed", "config-files", "not-installed")


def _states() -> dict[str, str]:
    """Every package dpkg knows, with its state. The file is read here: starting dpkg-query costs more than parsing."""
    try:
        with open(STATUS, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except FileNotFoundError:
        return {}
    # between the two, a line `Essential: yes` for some
    found = re.findall(r"^Package: (\S+)\n(?:.+\n)*?Status: \S+ (\S+) (\S+)$", text, re.MULTILINE)
    return {name: state if flag == "ok" else "reinst-required" for name, flag, state in found}


def apply(payload: Json) -> None:
    wait_for_first_boot()
    wait_for_locks()
    heal()
    if payload["install"]:
        if not _known(payload["install"]):
            refresh()
        try:
            apt(["install", "--no-install-recommends", *payload["install"]])
        except Failed:
            refresh()  # the lists may be older than the mirror: ask once more with new ones
            apt(["install", "--no-install-recommends", *payload["install"]])
    if payload["remove"]:
        apt(["purge", *payload["remove"]])


def apt(arguments: Sequence[str]) -> str:
    """What apt-get prints, which is run without questions. Raises Failed with apt's own words."""
    return run([*APT, *arguments], env=ENVIRONMENT, timeout=3600)


def refresh() -> None:
    """Fetch the package lists; an error is an error, where apt-get itself would carry on with old ones."""
    for attempt in (1, 2, 3):
        try:
            apt(["update", "--error-on=any"])
            return
        except Failed:
            if attempt == 3:
                raise
            time.sleep(5 * attempt)


def _known(names: Sequence[str]) -> bool:
    fresh = [entry for entry in os.listdir(LISTS) if entry.endswith("_Packages")] if os.path.isdir(LISTS) else []
    if not fresh or time.time() - max(os.path.getmtime(os.path.join(LISTS, entry)) for entry in fresh) > 86400:
        return False
    said = run(["apt-cache", "policy", *names])
    return said.count("Candidate: ") - said.count("Candidate: (none)") == len(set(names))


def wait_for_first_boot() -> None:
    """cloud-init ends with 0, or 2 for "done, with errors that it got over" (since 23.4); only 1 is a failure."""
    if shutil.which("cloud-init"):
        run(["cloud-init", "status", "--wait"], timeout=PATIENCE, ok=(0, 2))


def wait_for_locks() -> None:
    """apt's own lock timeout covers one of its four locks, so wait for all of them here.

    They are fcntl locks: flock(1) would not see them. Raises Failed with the holder after PATIENCE seconds.
    """
    deadline = time.monotonic() + PATIENCE
    for path in LOCKS:
        if not os.path.isdir(os.path.dirname(path)):
            continue
        while not _free(path):
            if time.monotonic() > deadline:
                raise Failed(f"{path} is held by {_holder(path)} for more than {PATIENCE:.0f} s; let it end, run again")
            time.sleep(1)


def _free(path: str) -> bool:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _holder(path: str) -> str:
    inode = f":{os.stat(path).st_ino} "
    with open("/proc/locks") as file:
        pids = [line.split()[4] for line in file if inode in line]
    for pid in pids:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline") as file:  # it may just have ended
            return f"`{file.read().replace(chr(0), ' ').strip()}` (pid {pid})"
    return "another program"


def heal() -> None:
    """Finish what a killed apt left.

    `dpkg --configure -a` says 0 and does not heal a package whose unpacking was cut; that one is installed again.
    """
    states = _states()
    broken = [name for name, state in states.items() if state not in WHOLE]
    if not broken and not os.listdir(UPDATES):
        return
    run(
        ["dpkg", "--force-confdef", "--force-confold", "--configure", "-a"], env=ENVIRONMENT, timeout=1800, ok=(0, 1, 2)
    )
    torn = [name for name, state in _states().items() if state == "reinst-required" or state.startswith("half-inst")]
    if torn:
        apt(["install", "--reinstall", *torn])
    apt(["install", "--fix-broken"])
