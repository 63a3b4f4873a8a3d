"""Changes that could lock everybody out, kept only when a new login from the control machine comes through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pyinfra.api.exceptions import ConnectError

from roles.connector import BoxConnector
from roles.resources import File, Files, Json, sendable

SECONDS = 60
"""How long the box waits for the confirmation of a change, before it takes it back."""


@dataclass(frozen=True)
class Confirmed:
    """Files, and the commands that put them to use.

    `prove` must accept the files; `load` puts them to use, `unload` when there were none before. What else must hold of
    sshd: `expect` are settings that it must then report for each of `users`, `speaks` are algorithms of which it must
    keep at least one, and `port` is the only one it may listen on. `sysctl` are kernel settings that must be in force.
    `login` is who has to come through: the one that is preferred, or the same as now, where that one is not yet there.
    """

    name: str
    files: Sequence[File]
    prove: Sequence[str]
    load: Sequence[Sequence[str]]
    unload: Sequence[Sequence[str]]
    live: Sequence[str] = ()
    expect: Mapping[str, str] = field(default_factory=dict)
    speaks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    users: Sequence[str] = ()
    port: int | None = None
    sysctl: Mapping[str, str] = field(default_factory=dict)
    login: Literal["preferred", "same"] = "preferred"
    kind: ClassVar[str] = "confirmed"

    def entries(self, found: Json) -> Sequence[File]:
        """The files, which may depend on what was found."""
        return self.files

    def query(self) -> Json:
        paths = [file.path for file in self.files]
        own = {"sshd": self._sshd(), "sysctl": list(self.sysctl)}
        return {"name": self.name, "paths": paths, "live": list(self.live), **own}

    def _sshd(self) -> Json:
        return {"users": list(self.users), "port": self.port} if self.users else None

    def differences(self, found: Json) -> Sequence[str]:
        differing = list(Files(self.entries(found)).differences(found["files"]))
        effective = [
            f"sshd: {name} is {' and '.join(found['sshd'].get(name, ['unset']))}"
            for name, value in self.expect.items()
            if found["sshd"].get(name) != [value]
        ]
        effective += [f"{path}: stands in the way" for path in found.get("mend", ())]
        effective += [
            f"{name}: {found['sysctl'][name]}, not {value}"
            for name, value in self.sysctl.items()
            if found["sysctl"][name] not in (value, None)  # None is one of a container, which only its host can change
        ]
        stale = [f"{self.name}: another one is loaded"] if found["loaded"] != found["current"] else []
        effective += ["sshd: runs with older files"] if found.get("stale") else []
        pending = [f"{self.name}: was never confirmed"] if found["pending"] else []
        return [*differing, *effective, *pending] or stale

    def payload(self, found: Json) -> Json:
        return {
            "name": self.name,
            "paths": [sendable(file) for file in self.entries(found)],
            "prove": list(self.prove),
            "load": [list(command) for command in self.load],
            "unload": [list(command) for command in self.unload],
            "expect": dict(self.expect),
            "speaks": {name: list(spoken) for name, spoken in self.speaks.items()},
            "sshd": self._sshd(),
            "sysctl": list(self.sysctl),
            "seconds": SECONDS,
        }

    def confirmation(self) -> Json:
        """What the box needs to keep the change."""
        return {"name": self.name, "watch": [file.path for file in self.files], "live": list(self.live)}


def new_login(state: Any, host: Any, login: Literal["preferred", "same"]) -> str:
    """Log in anew and become root. Returns why not, or ""."""
    connector, now = BoxConnector(state, host), host.connector.data
    same, preferred = (now["ssh_user"], now["ssh_port"]), (now["box_logins"][0], now["box_ports"][0])
    user, port = same if login == "same" else preferred
    connector.data["box_logins"], connector.data["box_ports"] = [user], [port]
    try:
        connector.connect()
        done, output = connector.become_root()
    except (ConnectError, OSError, EOFError) as error:
        if "Authentication error" in str(error):
            return f"{connector.data['ssh_user']} is refused; add the public key that you log in with to Ssh(keys=...)"
        return str(error)
    finally:
        if connector.client is not None:
            connector.client.close()
    said = output.stderr.strip() or "refused"
    return "" if done else said if said.startswith("sudo") else f"sudo: {said}"
