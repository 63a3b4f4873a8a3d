"""Backups: PostgreSQL by pgBackRest to the minute, all else by restic, on the box and away from it, encrypted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from roles import Settings, chroma, redis, render
from roles.apps.app import App
from roles.budget import Cost, Size, megabytes
from roles.keys import public_of
from roles.offsite import ETC, S3, S3_KEYS, Absolute, Sftp
from roles.resources import Absent, Directory, Entry, File, Files, Json, Packages, Resource, Unit, Units
from roles.secrets import Secret

if TYPE_CHECKING:
    from roles.server import Server

DESCRIBED = f"{ETC}/backups.json"
"""What `onbox/backups.py` is to do, with keys: for root alone."""
UNITS = "/etc/systemd/system"
KEY, POSTGRES_KEY, SSH_KEY, PING = "backups/key", "backups/postgres_key", "backups/ssh_key", "backups/ping"
OTHER_KEY = f"{ETC}/other_key"
"""As `onbox/backup_keys.py` finds it, while the key is rotated."""
TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
WITHOUT_SFTP = ("debian 12", "ubuntu 22.04")
"""Distributions whose pgBackRest is older than 2.46, the first one that speaks SFTP."""


class Backups(Settings):
    """Backups of the apps' databases and files: daily, and of PostgreSQL every change within a minute."""

    path: Absolute = Field(default="/var/backups/boxkeeper", description="The folder on the box for a copy of them")
    offsite: Sftp | S3 | None = Field(default=None, description="Where else they go; without it they die with the box")
    at: str = Field(default="02:30", description="When, each day, UTC")
    keep_days: int = Field(default=14, ge=2, le=3650, description="Days that one can go back")
    drill: str = Field(default="Sun 04:30", description="When they are restored for a trial, as systemd writes it; UTC")

    @field_validator("at")
    @classmethod
    def _at(cls, at: str) -> str:
        if not re.fullmatch(TIME, at):
            raise ValueError(f"{at!r} is no time of day; write it like `02:30`")
        return at

    @field_validator("drill")
    @classmethod
    def _drill(cls, drill: str) -> str:
        if not re.fullmatch(rf"((Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?{TIME}", drill):
            raise ValueError(f"{drill!r} is no time of the week; write it like `Sun 04:30`")
        return drill

    def costs(self, apps: Sequence[App], size: Size) -> Iterator[Cost]:
        """Counted: what the apps may keep, compressed to a half, twice; a database's is there a third time for a drill.

        Its memory is held to 300 MB by its unit, at night.
        """
        kept = sum(megabytes(app.disk) for app in apps)
        less = "a smaller `disk` of the apps"
        yield Cost("Backups", disk_mb=2 * kept, brief_mb=300, there=f"{self.path}/postgres", less_disk=less)


def secrets(server: Server) -> Iterator[Secret]:
    """What the backups of a box are closed by and sent with."""
    backups = vars(server).get("backups")
    if not isinstance(backups, Backups):
        return
    yield Secret(KEY, "Backups", generated=True)
    if vars(server).get("postgres") is not None:
        yield Secret(POSTGRES_KEY, "Backups", generated=True)
    yield Secret(PING, "Backups", optional=True)
    offsite = vars(backups).get("offsite")
    if isinstance(offsite, Sftp):
        yield Secret(SSH_KEY, "Backups", generated=True, kind="key")
    if isinstance(offsite, S3):
        yield from (Secret(name, "Backups") for name in S3_KEYS)


@dataclass(frozen=True)
class Pgbackrest:
    """What the box's pgBackRest has to be able to: nothing of it is ever changed."""

    name: str = "pgbackrest"
    kind: ClassVar[str] = "pgbackrest"

    def query(self) -> Json:
        return None

    def refuse(self, found: Json) -> Sequence[str]:
        """One that can't send anything where it should."""
        if found["distro"] not in WITHOUT_SFTP:
            return []
        return [
            f"pgBackRest of {found['distro']} can't send backups by SFTP: take a box with Debian 13 or Ubuntu 24.04, or"
            " send them to a bucket: `offsite=S3(...)`"
        ]

    def differences(self, found: Json) -> Sequence[str]:
        return []

    def payload(self, found: Json) -> Json:
        return None


@dataclass(frozen=True)
class BackupKeys:
    """What the key that takes the place of another, or is replaced, does in each repository of files."""

    places: Sequence[str]
    opens: bool
    name: str = "keys"
    kind: ClassVar[str] = "backup_keys"

    def query(self) -> Json:
        return None

    def differences(self, found: Json) -> Sequence[str]:
        if not self.opens:
            return [] if found is None else ["the key before is still there"]
        does = found or {}
        return [
            f"{place}: the other key {does.get(place, 'is not there')}"
            for place in self.places
            if does.get(place) != "opens"
        ]

    def payload(self, found: Json) -> Json:
        return {"opens": self.opens}


def wanted(server: Server) -> Iterator[Resource]:
    backups = server.backups
    if backups is None:
        return
    if isinstance(backups.offsite, Sftp) and _databases(server):
        yield Pgbackrest()
    yield Packages(["restic", "openssh-client", *(["pgbackrest"] if _databases(server) else [])])
    yield Files([*_own(server, backups), *(_postgres(server, backups) if _databases(server) else [])])
    if phase := server.kept(KEY).phase:
        yield BackupKeys(places(backups), opens=phase != "closed")
    yield Units([Unit(name, watch=(f"{UNITS}/{name}",)) for name in TIMERS])


TIMERS = ("boxkeeper-backup.timer", "boxkeeper-drill.timer")
SERVICES = ("boxkeeper-backup@.service", "boxkeeper-drill.service")


def _own(server: Server, backups: Backups) -> Iterator[Entry]:
    """The folders of root's, what is to be done, and the units that do it."""
    yield Directory("/etc/boxkeeper")
    yield Directory(ETC, mode="0750", group="postgres" if _databases(server) else "root")
    yield Directory(backups.path, mode="0711")
    kept = server.kept(KEY)
    yield File(f"{ETC}/key", kept.value.encode(), mode="0600")
    if kept.other is None:
        yield Absent(OTHER_KEY)
    elif kept.phase != "closed":  # then the box forgets it by itself, once nothing opens with it
        yield File(OTHER_KEY, kept.other.value.encode(), mode="0600")
    yield File(DESCRIBED, (json.dumps(described(server, backups), indent=1) + "\n").encode(), mode="0600")
    if isinstance(backups.offsite, Sftp):
        private = server.secret(SSH_KEY).get_secret_value()
        yield File(f"{ETC}/ssh.key", f"{private.strip()}\n".encode(), mode="0600")
        yield File(f"{ETC}/known_hosts", backups.offsite.known_hosts)
    for unit in (*SERVICES, *TIMERS):
        yield File(f"{UNITS}/{unit}", render(f"backups/{unit}.j2", backups=backups))


def _postgres(server: Server, backups: Backups) -> Iterator[Entry]:
    """What pgBackRest reads, which runs as PostgreSQL's account."""
    conf = render("backups/pgbackrest.conf.j2", repositories=_repositories(server, backups))
    yield Directory("/etc/pgbackrest")
    yield File("/etc/pgbackrest/pgbackrest.conf", conf, mode="0640", group="postgres")
    yield Directory(f"{backups.path}/postgres", mode="0700", owner="postgres", group="postgres")
    if isinstance(backups.offsite, Sftp):
        private = server.secret(SSH_KEY).get_secret_value()
        own: dict[str, str] = {"mode": "0600", "owner": "postgres", "group": "postgres"}
        yield File(f"{ETC}/postgres.key", f"{private.strip()}\n".encode(), **own)
        yield File(f"{ETC}/postgres.key.pub", f"{public_of(private)}\n".encode(), **own)


def _repositories(server: Server, backups: Backups) -> list[dict[str, str]]:
    """The repositories of pgBackRest, in the order of their numbers: each is closed by itself, and kept as long."""
    key = server.secret(POSTGRES_KEY).get_secret_value()
    common = {
        "cipher-type": "aes-256-cbc",
        "cipher-pass": key,
        "retention-full-type": "time",
        "retention-full": str(backups.keep_days),
    }
    places = [{"path": f"{backups.path}/postgres"}]
    if backups.offsite is not None:
        places.append(backups.offsite.postgres(server))
    return [{**place, **common} for place in places]


def places(backups: Backups) -> list[str]:
    """Where they are kept, as a user calls it; the one on the box first."""
    return ["here", *([backups.offsite.place] if backups.offsite else [])]


def described(server: Server, backups: Backups) -> dict[str, Any]:
    """What to back up, and where to: all that the programs on the box need to know."""
    names = places(backups)
    local = {"name": names[0], "env": {"RESTIC_REPOSITORY": f"{backups.path}/files"}, "options": []}
    offsite = backups.offsite and {"name": names[-1], **backups.offsite.files(server)}
    ping = server.secret(PING).get_secret_value().strip() if server.keeps(PING) else None
    return {
        "repositories": [local, *([offsite] if offsite else [])],
        "databases": _databases(server),
        "folders": ["/etc/boxkeeper", *(f"{app.root}/shared" for app in server.apps)],
        "frozen": list(services(server)),
        "keep_days": backups.keep_days,
        "host": server.name or server.host,
        "ping": ping,
    }


def _databases(server: Server) -> dict[str, str]:
    """The database of each app that has one."""
    return {app.name: app.database for app in server.apps if server.postgres and "postgres" in app.needs}


def services(server: Server) -> Iterator[dict[str, str]]:
    """Services that keep what apps gave them in a folder."""
    for app in server.apps:
        for kind, role in (("redis", redis), ("chroma", chroma)):
            if getattr(server, kind) is not None and kind in app.needs:
                folder = f"{role.FOLDER}/{app.name}"
                yield {"app": app.name, "kind": kind, "unit": role.service(app), "folder": folder}
