"""Places for backups away from the box: a folder of an SFTP server, or a bucket of S3."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, field_validator

from roles import Settings, client
from roles.apps.git import HOST_KEY

if TYPE_CHECKING:
    from roles.server import Server

ETC = "/etc/boxkeeper/backups"
"""Where the box has what it needs to get there."""
S3_KEYS = ("backups/s3_key", "backups/s3_secret")


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
        url = f"sftp:{self.user}@{self.host}:{self.path}/files"
        return {"env": {"RESTIC_REPOSITORY": url}, "options": ["-o", f"sftp.command={self.ssh(f'{ETC}/ssh.key')}"]}

    def ssh(self, key: str) -> str:
        """The command that speaks SFTP with it, by the key in that file."""
        patience = {"ConnectTimeout": "15", "ServerAliveInterval": "15"}
        ssh = client.ssh(f"{ETC}/known_hosts", Port=str(self.port), **patience)
        return f"{ssh} -i {key} {self.user}@{self.host} -s sftp"


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
