"""System accounts."""

from __future__ import annotations

import grp
import os
import pwd
from typing import Any

from onbox.shell import run

Json = Any


def observe(queries: list[list[str]]) -> list[list[Json]]:
    groups = grp.getgrall()
    return [[_found(name, groups) for name in names] for names in queries]


def _found(name: str, groups: list[grp.struct_group]) -> Json:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return {
        "home": entry.pw_dir,
        "shell": entry.pw_shell,
        "groups": [group.gr_name for group in groups if name in group.gr_mem],
    }


def apply(payload: list[Json]) -> None:
    for user in payload:
        _heal()
        for group in user["groups"]:
            run(["groupadd", "--system", "--force", group])
        common = ["--home-dir" if not _exists(user["name"]) else "--home", user["home"], "--shell", user["shell"]]
        if _exists(user["name"]):
            run(["usermod", *common, user["name"]])
        else:
            run(["useradd", "--system", "--user-group", "--no-create-home", *common, user["name"]])
        for group in user["groups"]:
            run(["gpasswd", "--add", user["name"], group])


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _heal() -> None:
    """A killed useradd leaves its lock files; one whose process is gone is stale (shadow's own lckpwdf format)."""
    for lock in ("/etc/passwd.lock", "/etc/shadow.lock", "/etc/group.lock", "/etc/gshadow.lock"):
        try:
            with open(lock) as file:
                holder = file.read().strip("\0\n ")
        except FileNotFoundError:
            continue
        if not holder.isdigit() or not os.path.exists(f"/proc/{holder}"):
            os.unlink(lock)
