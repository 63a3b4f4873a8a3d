"""Backups: PostgreSQL by pgBackRest to the minute, all else by restic, on the box and away from it, encrypted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, field_validator

from roles import Settings, chroma, client, redis, render
from roles.apps.app import App
from roles.apps.git import HOST_KEY
from roles.budget import Cost, Size, megabytes
from roles.keys import public_of
from roles.resources import Directory, Entry, File, Files, Json, Packages, Resource, Unit, Units
from roles.secrets import Secret

if TYPE_CHECKING:
    from roles.server import Server

ETC = "/etc/boxkeeper/backups"
DESCRIBED = f"{ETC}/backups.json"
"""What `onbox/backups.py` is to do, with keys: for root alone."""
UNITS = "/etc/systemd/system"
KEY, SSH_KEY, PING = "backups/key", "backups/ssh_key", "backups/ping"
S3_KEYS = ("backups/s3_key", "backups/s3_secret")
TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
WITHOUT_SFTP = ("debian 12", "ubuntu 22.04")
"""Distributions whose pgBackRest is older than 2.46, the first one that speaks SFTP."""


def _folder(path: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9._-]+)+", path) or ".." in path:
        raise ValueError(f"{path!r} is no folder; write it from the root, like `/backups/prod`")
    return path


Absolute = Annotated[str, AfterValidator(_folder)]
"""A folder, from the root."""


class Sftp(Settings):
    """A folder on an SFTP server, e.g. a storage box: reached with an SSH key that is made on first use."""

    host: str = Field(description="Name or address of the server")
    user: str = Field(description="Whom to log in as")
    path: Absolute = Field(
        description="A folder there that is for these backups alone, from the root, e.g. /backups/prod"
    )
    host_keys: tuple[str, ...] = Field(
        description="Every SSH key of the server as `ssh-keyscan HOST` prints it, e.g. `ssh-ed25519 AAAA...`"
    )
    port: int = Field(default=22, ge=1, le=65535, description="Its SSH port")

    @field_validator("host", "user")
    @classmethod
    def _word(cls, word: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}", word):
            raise ValueError(f"{word!r} is no name; write it like `u1234.example.com`")
        return word

    @field_validator("host_keys")
    @classmethod
    def _host_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        bad = next((key for key in keys if not re.fullmatch(HOST_KEY, key)), None)
        if bad is not None or not keys:
            raise ValueError(f"{(bad or '')[:60]!r} is no key of a server; write it like `ssh-ed25519 AAAA...`")
        return keys

    @property
    def place(self) -> str:
        """What a user calls it."""
        return self.host

    @property
    def known_hosts(self) -> bytes:
        name = client.known_as(self.host, self.port)
        return "".join(f"{name} {key}\n" for key in self.host_keys).encode()

    def postgres(self, server: Server) -> dict[str, str]:
        """The settings of its repository for pgBackRest, less its number."""
        return {
            "type": "sftp",
            "path": f"{self.path}/postgres",
            "bundle": "y",
            "sftp-host": self.host,
            "sftp-host-port": str(self.port),
            "sftp-host-user": self.user,
            "sftp-host-key-hash-type": "sha256",
            "sftp-host-key-check-type": "strict",
            "sftp-known-host": f"{ETC}/known_hosts",
            "sftp-private-key-file": f"{ETC}/postgres.key",
            "sftp-public-key-file": f"{ETC}/postgres.key.pub",
        }

    def files(self, server: Server) -> dict[str, Any]:
        """How restic finds its repository: variables, and options."""
        patience = {"ConnectTimeout": "15", "ServerAliveInterval": "15"}
        ssh = client.ssh(f"{ETC}/known_hosts", Port=str(self.port), **patience)
        url = f"sftp:{self.user}@{self.host}:{self.path}/files"
        options = ["-o", f"sftp.command={ssh} -i {ETC}/ssh.key {self.user}@{self.host} -s sftp"]
        return {"env": {"RESTIC_REPOSITORY": url}, "options": options}


class S3(Settings):
    """A bucket of S3, or of what speaks like it: Hetzner, Backblaze, Cloudflare R2, Wasabi, MinIO."""

    endpoint: str = Field(description="Its host, e.g. s3.eu-central-1.amazonaws.com or fsn1.your-objectstorage.com")
    bucket: str = Field(description="A bucket that is for these backups")
    region: str = Field(description="Its region, e.g. eu-central-1")
    path: Absolute = Field(default="/boxkeeper", description="A folder in it that is for these backups alone")

    @field_validator("endpoint", "bucket", "region")
    @classmethod
    def _word(cls, word: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}(:[0-9]{1,5})?", word):
            raise ValueError(f"{word!r} is no name; write it like `s3.example.com`, without https://")
        return word

    @property
    def place(self) -> str:
        """What a user calls it."""
        return f"{self.endpoint}/{self.bucket}"

    def postgres(self, server: Server) -> dict[str, str]:
        """The settings of its repository for pgBackRest, less its number."""
        key, secret = (server.secret(name).get_secret_value() for name in S3_KEYS)
        return {
            "type": "s3",
            "path": f"{self.path}/postgres",
            "s3-endpoint": self.endpoint,
            "s3-bucket": self.bucket,
            "s3-region": self.region,
            "s3-uri-style": "path",
            "s3-key": key,
            "s3-key-secret": secret,
        }

    def files(self, server: Server) -> dict[str, Any]:
        """How restic finds its repository: variables, and options."""
        key, secret = (server.secret(name).get_secret_value() for name in S3_KEYS)
        url = f"s3:https://{self.endpoint}/{self.bucket}{self.path}/files"
        given = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_DEFAULT_REGION": self.region}
        return {"env": {"RESTIC_REPOSITORY": url, **given}, "options": []}


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


def wanted(server: Server) -> Iterator[Resource]:
    backups = server.backups
    if backups is None:
        return
    if isinstance(backups.offsite, Sftp) and _databases(server):
        yield Pgbackrest()
    yield Packages(["restic", "openssh-client", *(["pgbackrest"] if _databases(server) else [])])
    yield Files([*_own(server, backups), *(_postgres(server, backups) if _databases(server) else [])])
    yield Units([Unit(name, watch=(f"{UNITS}/{name}",)) for name in TIMERS])


TIMERS = ("boxkeeper-backup.timer", "boxkeeper-drill.timer")
SERVICES = ("boxkeeper-backup@.service", "boxkeeper-drill.service")


def _own(server: Server, backups: Backups) -> Iterator[Entry]:
    """The folders of root's, what is to be done, and the units that do it."""
    yield Directory("/etc/boxkeeper")
    yield Directory(ETC, mode="0750", group="postgres" if _databases(server) else "root")
    yield Directory(backups.path, mode="0711")
    yield File(f"{ETC}/key", server.secret(KEY).get_secret_value().encode(), mode="0600")
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
    key = server.secret(KEY).get_secret_value()
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


def described(server: Server, backups: Backups) -> dict[str, Any]:
    """What to back up, and where to: all that the programs on the box need to know."""
    local = {"name": "here", "env": {"RESTIC_REPOSITORY": f"{backups.path}/files"}, "options": []}
    offsite = backups.offsite and {"name": backups.offsite.place, **backups.offsite.files(server)}
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
                unit, folder = f"boxkeeper-{kind}@{app.name}.service", f"{role.FOLDER}/{app.name}"
                yield {"app": app.name, "kind": kind, "unit": unit, "folder": folder}
