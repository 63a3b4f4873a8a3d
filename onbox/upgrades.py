"""Upgrades of distribution packages: what there is, and the way back from each."""

from __future__ import annotations

import glob
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from onbox import packages, patched
from onbox.packages import apt
from onbox.patched import HOME
from onbox.shell import Failed, run, said

BEFORE = f"{HOME}/before"
"""The packages as they were, one in a folder of its own."""
SECURITY = "/etc/boxkeeper/security.pref"
"""apt's preferences that leave only the archives of security fixes to choose from."""
ROOM_MB = 500
"""Disk that has to be free: packages on their way, and as they were."""


class Upgrade(NamedTuple):
    """A package with its versions, and the source package that it is made from: those of one belong together."""

    name: str
    old: str
    new: str
    source: str


def pending(updates: str) -> list[Upgrade]:
    """What there is to upgrade by the lists of now: `security` fixes, or `all`. Nothing is removed by it."""
    found = re.findall(r"^Inst (\S+) \[(\S+)\] \((\S+) ", apt([*_only(updates), "--simulate", *ALL]), re.MULTILINE)
    sources = _sources([name for name, _, _ in found])
    return [Upgrade(name, old, new, sources.get(name.partition(":")[0], name)) for name, old, new in found]


ALL = ("--with-new-pkgs", "upgrade")
"""With new packages where an upgrade needs some, such as another kernel's."""


def _only(updates: str) -> list[str]:
    """What has apt choose from these alone."""
    return [f"--option=Dir::Etc::Preferences={SECURITY}"] if updates == "security" else []


def _sources(names: Sequence[str]) -> dict[str, str]:
    if not names:
        return {}
    shown = run(["dpkg-query", "--show", "--showformat=${Package} ${source:Package}\n", "--", *names])
    return dict(line.split() for line in shown.splitlines())


def groups(upgrades: Iterable[Upgrade]) -> list[list[Upgrade]]:
    """The upgrades of one source package each."""
    found: dict[str, list[Upgrade]] = {}
    for each in upgrades:
        found.setdefault(each.source, []).append(each)
    return list(found.values())


def keep(upgrades: Sequence[Upgrade]) -> None:
    """Make packages of what is installed: an archive keeps only its newest. Raises Failed where there is no room."""
    free = shutil.disk_usage("/var").free >> 20
    if free < ROOM_MB:
        raise Failed(f"/var has {free} MB left, and an upgrade wants {ROOM_MB}; nothing was changed")
    making = f"{BEFORE}.new"
    for folder in (making, BEFORE):
        shutil.rmtree(folder, ignore_errors=True)
    for each in upgrades:
        os.makedirs(f"{making}/{each.name}", mode=0o700)
        run(["env", f"--chdir={making}/{each.name}", "dpkg-repack", "--deb-option=-Znone", each.name])
    os.rename(making, BEFORE)


def forget() -> None:
    """Nobody needs the way back any more."""
    shutil.rmtree(BEFORE, ignore_errors=True)


def install(upgrades: Sequence[Upgrade], updates: str) -> None:
    """Upgrade these. Raises Failed with apt's words."""
    named = [f"{each.name}={each.new}" for each in upgrades]
    apt([*_only(updates), "install", "--only-upgrade", "--no-install-recommends", *named])


def back() -> None:
    """Install again what was kept and is another version by now, or half of one."""
    kept = [file for file in sorted(glob.glob(f"{BEFORE}/*/*.deb")) if _is_other(file)]
    if kept:
        run(["dpkg", "--force-confold", "--install", *kept], env=packages.ENVIRONMENT, timeout=3600)
        packages.heal()


def accept() -> None:
    """What was upgraded until now stays so, whatever is taken back later."""
    for file in glob.glob(f"{BEFORE}/*/*.deb"):
        if _is_other(file):
            shutil.rmtree(os.path.dirname(file))


def _is_other(file: str) -> bool:
    name, kept = os.path.basename(os.path.dirname(file)), said(["dpkg-deb", "--field", file, "Version"]).strip()
    shown = said(["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Version}", "--", name]).split()
    return shown != ["installed", kept]


def drop_kernels() -> None:
    """Remove those that nothing needs any more, less the one that runs: they would fill /boot."""
    removable = re.findall(r"^Remv (linux-\S+)", apt(["--simulate", "autoremove"]), re.MULTILINE)
    if removable:
        apt(["purge", *removable])


def hold(upgrades: Sequence[Upgrade], why: str) -> None:
    """Keep these as they are until there is another version."""
    run(["apt-mark", "hold", *(each.name for each in upgrades)])
    patched.keep_away({**patched.held(), **{each.name: {"version": each.new, "why": why} for each in upgrades}})


def release() -> None:
    """Let go of those for which there is another version than the one that was kept away, or that somebody let go."""
    kept, still = patched.held(), said(["apt-mark", "showhold"]).split()
    over = [name for name, each in kept.items() if name not in still or _candidate(name) != each["version"]]
    if over:
        run(["apt-mark", "unhold", *over])
        patched.keep_away({name: each for name, each in kept.items() if name not in over})


def _candidate(name: str) -> str:
    found = re.search(r"^  Candidate: (\S+)$", said(["apt-cache", "policy", name]), re.MULTILINE)
    return found[1] if found else ""
