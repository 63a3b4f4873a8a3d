"""What a box can be asked to have: packages, files, accounts, units.

Each `Resource` is plain data that answers three questions without touching a box: what to ask (`query`), what differs
from what was found (`differences`), and what to send to make it so (`payload`). The program of the same name in
`onbox/` does the asking and the making. Roles whose need is none of these bring a resource of their own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

Json = Any
"""A value that survives `json.dumps`; what travels between the control machine and the box."""


class Resource(Protocol):
    """One set of things of one kind that a box should have."""

    kind: ClassVar[str]
    """The program in `onbox/` that observes and applies it."""

    @property
    def name(self) -> str:
        """What the log line says, unique within a role."""
        ...

    def query(self) -> Json:
        """What to ask the box. Sent on standard input; holds no secrets."""
        ...

    def differences(self, found: Json) -> Sequence[str]:
        """Where the box differs, one printable phrase each; empty when it is as wanted."""
        ...

    def payload(self, found: Json) -> Json:
        """What the box needs to make it so. Sent on standard input, so it may hold secrets."""
        ...


@runtime_checkable
class Refusing(Protocol):
    """A resource that can tell from what was found that the box must not be touched at all."""

    def refuse(self, found: Json) -> Sequence[str]:
        """Why not, one sentence each; asked of the whole plan before anything changes."""
        ...


@runtime_checkable
class Forgiving(Protocol):
    """A resource whose failure does not keep a run from what comes after it; something after it says so in the end."""

    forgiving: ClassVar[bool]


@dataclass(frozen=True)
class Packages:
    """Distribution packages that are installed, and ones that are not."""

    names: Sequence[str]
    absent: Sequence[str] = ()
    name: str = "packages"
    kind: ClassVar[str] = "packages"

    def query(self) -> Json:
        return [*self.names, *self.absent]

    def differences(self, found: Json) -> Sequence[str]:
        missing = [f"{name} is not installed" for name in self.names if name not in found["installed"]]
        extra = [f"{name} is installed" for name in self.absent if name in found["installed"]]
        broken = [f"{name} is half installed" for name in found["broken"]]
        return [*missing, *extra, *broken]

    def payload(self, found: Json) -> Json:
        return {
            "install": [name for name in self.names if name not in found["installed"]],
            "remove": [name for name in self.absent if name in found["installed"]],
        }


@dataclass(frozen=True)
class File:
    """A regular file, written whole or not at all. `mode` is octal text, as in `ls`."""

    path: str
    content: bytes = field(repr=False)
    mode: str = "0644"
    owner: str = "root"
    group: str = "root"

    def wanted(self) -> Json:
        sha256 = hashlib.sha256(self.content).hexdigest()
        return {"type": "file", "mode": self.mode, "owner": self.owner, "group": self.group, "sha256": sha256}


@dataclass(frozen=True)
class Directory:
    path: str
    mode: str = "0755"
    owner: str = "root"
    group: str = "root"

    def wanted(self) -> Json:
        return {"type": "directory", "mode": self.mode, "owner": self.owner, "group": self.group}


@dataclass(frozen=True)
class Link:
    path: str
    to: str

    def wanted(self) -> Json:
        return {"type": "link", "to": self.to}


@dataclass(frozen=True)
class Absent:
    """Nothing at this path: a file or link that a package or an earlier version of us left there."""

    path: str

    def wanted(self) -> Json:
        return None


Entry = File | Directory | Link | Absent


@dataclass(frozen=True)
class Files:
    """Files, directories and links, compared by hash, owner and mode; changed ones are moved into place together.

    `prove` is a command that must accept the new files before they stay (`nginx -t`, `visudo -c`): when it fails, the
    old ones are put back and the run stops with what it said.
    """

    paths: Sequence[Entry]
    name: str = "files"
    prove: Sequence[str] = ()
    kind: ClassVar[str] = "files"

    def query(self) -> Json:
        return [path.path for path in self.paths]

    def differences(self, found: Json) -> Sequence[str]:
        differing = [
            f"{path.path}: {_difference(path.wanted(), was)}"
            for path, was in zip(self.paths, found["paths"], strict=True)
            if path.wanted() != was
        ]
        return [*differing, *(f"{path}: left behind by a run that was cut off" for path in found["leftovers"])]

    def payload(self, found: Json) -> Json:
        # What was being proven when a run was cut off is put back first, so then everything has to be sent again.
        pairs = zip(self.paths, found["paths"], strict=True)
        changed = [path for path, was in pairs if found["leftovers"] or path.wanted() != was]
        return {"paths": [sendable(path) for path in changed], "prove": list(self.prove)}


def _difference(wanted: Json, found: Json) -> str:
    if wanted is None:
        return "is there"
    if found is None:
        return "is missing"
    if wanted["type"] != found["type"]:
        return f"is a {found['type']}, not a {wanted['type']}"
    differing = [key for key in wanted if wanted[key] != found.get(key)]
    return ", ".join("content" if key == "sha256" else f"{key} {found.get(key)}" for key in differing)


def sendable(path: Entry) -> Json:
    """A path as `onbox/files.py` takes it."""
    sent = {"path": path.path, "wanted": path.wanted()}
    if isinstance(path, File):
        sent["content"] = base64.b64encode(path.content).decode()
    return sent


@dataclass(frozen=True)
class User:
    """A system account. `groups` are the groups it is in besides its own; others are left alone."""

    name: str
    home: str
    shell: str = "/usr/sbin/nologin"
    groups: Sequence[str] = ()


@dataclass(frozen=True)
class Users:
    users: Sequence[User]
    name: str = "users"
    kind: ClassVar[str] = "users"

    def query(self) -> Json:
        return [user.name for user in self.users]

    def differences(self, found: Json) -> Sequence[str]:
        return [
            f"user {user.name}: {'is missing' if was is None else 'home, shell or groups'}"
            for user, was in zip(self.users, found, strict=True)
            if not _as_wanted(user, was)
        ]

    def payload(self, found: Json) -> Json:
        return [
            {"name": user.name, "home": user.home, "shell": user.shell, "groups": list(user.groups)}
            for user, was in zip(self.users, found, strict=True)
            if not _as_wanted(user, was)
        ]


def _as_wanted(user: User, found: Json) -> bool:
    return (
        found is not None
        and (found["home"], found["shell"]) == (user.home, user.shell)
        and set(user.groups) <= set(found["groups"])
    )


@dataclass(frozen=True)
class Unit:
    """A systemd unit. It is restarted (or reloaded) when a file in `watch` is not the one it was last started with.

    The decision follows from state, a digest kept beside the unit's name on the box, and not from what this run
    changed: a run cut off between writing and restarting is healed by the next one.
    `live` is a command whose output is part of that state, for what can be changed behind a unit's back
    (the loaded firewall).
    """

    name: str
    watch: Sequence[str] = ()
    verb: Literal["restart", "reload"] = "restart"
    state: Literal["active", "inactive", "any"] = "active"
    enabled: bool = True
    live: Sequence[str] = ()


@dataclass(frozen=True)
class Units:
    units: Sequence[Unit]
    name: str = "units"
    kind: ClassVar[str] = "units"

    def query(self) -> Json:
        return [{"name": unit.name, "watch": list(unit.watch), "live": list(unit.live)} for unit in self.units]

    def differences(self, found: Json) -> Sequence[str]:
        return [
            f"{unit.name}: {'; '.join(reasons)}"
            for unit, was in zip(self.units, found, strict=True)
            if (reasons := _unit_reasons(unit, was))
        ]

    def payload(self, found: Json) -> Json:
        return [
            {
                "name": unit.name,
                "watch": list(unit.watch),
                "live": list(unit.live),
                "verb": unit.verb,
                "state": unit.state,
                "enabled": unit.enabled,
            }
            for unit, was in zip(self.units, found, strict=True)
            if _unit_reasons(unit, was)
        ]


def _unit_reasons(unit: Unit, found: Mapping[str, Json]) -> list[str]:
    reasons = []
    if unit.enabled and found["enabled"] not in ("enabled", "static", "alias", "generated", "indirect"):
        reasons.append(f"is {found['enabled'] or 'not there'}, not enabled")
    if not unit.enabled and found["enabled"] in ("enabled", "enabled-runtime"):
        reasons.append("is enabled")
    if unit.state == "active" and found["active"] not in ("active", "reloading"):
        reasons.append(f"is {found['active']}")
    if unit.state == "inactive" and found["active"] in ("active", "reloading", "activating"):
        reasons.append("is running")
    if found["stale"]:
        reasons.append("its unit file has changed since systemd read it")
    if unit.state == "active" and found["loaded"] != found["current"]:
        reasons.append("runs with an older configuration")
    return reasons


@dataclass(frozen=True)
class Venv:
    """A virtual environment of a tool of ours, from PyPI, made whole or not at all. Requirements are pinned (`==`)."""

    path: str
    requirements: Sequence[str]
    kind: ClassVar[str] = "venvs"

    @property
    def name(self) -> str:
        return self.requirements[0]

    def query(self) -> Json:
        return self.path

    def differences(self, found: Json) -> Sequence[str]:
        return (
            [] if found == list(self.requirements) else [f"{self.path} is not made of {', '.join(self.requirements)}"]
        )

    def payload(self, found: Json) -> Json:
        return {"path": self.path, "requirements": list(self.requirements)}
