"""Patches: updates of the box's packages, with the proof that every app answers as before; by itself, in a window."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from roles import Settings, alerts, render
from roles.apps.app import App
from roles.resources import Directory, File, Files, Json, Packages, Resource, Unit, Units

if TYPE_CHECKING:
    from roles.server import Server

CONFIG, SECURITY = "/etc/boxkeeper/patches.json", "/etc/boxkeeper/security.pref"
UNITS = "/etc/systemd/system"
OURS = ("boxkeeper-patch@.service", "boxkeeper-patched.service", "boxkeeper-patch.timer")
RECENT = 3600.0
"""Seconds for which newer lists of packages need not be asked for."""
WINDOW = r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])"


class Patches(Settings):
    """Updates of the box's packages, by night or when you say so; one that breaks an app is taken back and held."""

    updates: Literal["security", "all"] = Field(default="security", description="Security fixes, or all updates")
    window: str = Field(default="03:00-05:00", description="When it is done by itself, and may reboot, in UTC")
    reboot: bool = Field(default=True, description="Reboot in the window where an update needs one")

    @field_validator("window")
    @classmethod
    def _window(cls, window: str) -> str:
        if not re.fullmatch(WINDOW, window) or window[:5] == window[6:]:
            raise ValueError(f"{window!r} is no window; write it like `03:00-05:00`")
        return window

    @property
    def minutes(self) -> tuple[int, int]:
        """Begin and end in minutes of the day."""
        begin_hour, begin, end_hour, end = (int(part) for part in re.split("[:-]", self.window))
        return begin_hour * 60 + begin, end_hour * 60 + end

    @property
    def begin(self) -> str:
        """When it begins, for systemd's OnCalendar."""
        return self.window[:5]


@dataclass(frozen=True)
class Patched:
    """The updates that there are, installed; with `reboots` and a reboot where they need one."""

    updates: str
    reboots: bool
    name: str = "updates"
    kind: ClassVar[str] = "patches"

    def query(self) -> Json:
        return {"updates": self.updates}

    def differences(self, found: Json) -> Sequence[str]:
        pending = [f"{name} {old} -> {new}" for name, old, new, _ in found["pending"]]
        recent = found["looked"] is not None and found["looked"] < RECENT
        return pending or ([] if recent and not self.reboots else ["newer lists of packages are not asked for yet"])

    def payload(self, found: Json) -> Json:
        return {"when": "reboot" if self.reboots else "now"}


@dataclass(frozen=True)
class Now:
    """A role: the updates of now. `reboot` is what `--data reboot=` says, `now` or nothing."""

    reboot: str | None
    __name__ = "patches"

    def objections(self, servers: Sequence[Server]) -> Iterator[str]:
        """Boxes that are not patched by us, and another word than `now`."""
        if self.reboot not in (None, "now"):
            yield f"`--data reboot={self.reboot}` is not known; `reboot=now` reboots where an update needs it"
        for server in servers:
            if server.patches is None:
                yield f"{server.host} has no patches: write `patches=Patches()` into its Server"

    def wanted(self, server: Server) -> Iterator[Resource]:
        if server.patches is not None:
            yield from wanted(server)
            yield Patched(server.patches.updates, self.reboot == "now")


def wanted(server: Server) -> Iterator[Resource]:
    patches = server.patches
    if patches is None:
        return
    yield Packages(["dpkg-repack"])
    yield Files(
        [
            Directory("/etc/boxkeeper"),
            # For root alone: the webhook's address is a secret.
            File(CONFIG, (json.dumps(_described(server, patches), indent=1) + "\n").encode(), mode="0600"),
            File(SECURITY, render("patches/security.pref.j2")),
            *(File(f"{UNITS}/{name}", render(f"patches/{name}.j2", patches=patches)) for name in OURS),
        ]
    )
    yield Units(
        [
            Unit("boxkeeper-patch.timer", watch=(f"{UNITS}/boxkeeper-patch.timer",)),
            Unit("boxkeeper-patched.service", state="any"),
        ]
    )


def _described(server: Server, patches: Patches) -> Json:
    return {
        "host": server.name or server.host,
        "webhook": alerts.address(server, alerts.WEBHOOK),
        "updates": patches.updates,
        "window": patches.minutes,
        "reboot": patches.reboot,
        "apps": [_app(server, app) for app in server.apps],
    }


def _app(server: Server, app: App) -> Json:
    """What is tried of an app before and after."""
    return {
        "name": app.name,
        "domain": app.domain if server.nginx and app.routes else None,
        "page": app.health,
        "websockets": [route.path for route in app.routes if route.websocket],
        "database": app.database if server.postgres and "postgres" in app.needs else None,
        "redis": server.redis.port(app) if server.redis and "redis" in app.needs else None,
    }
