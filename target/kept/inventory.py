"""A target with two apps whose data is backed up. BACKUPS is JSON: the target, where else to, and settings to try."""

import json
from os import environ
from typing import ClassVar

from roles.apps import App, Folder
from roles.apps.app import Need
from roles.backups import Backups
from roles.chroma import Chroma
from roles.offsite import S3, Sftp
from roles.postgres import Postgres
from roles.redis import Redis
from roles.server import Server, group
from target import bucket
from target.inventory import login_to

_data = json.loads(environ["BACKUPS"])


class _Notes(App):
    title: ClassVar[str] = "Notes"
    needs: ClassVar[frozenset[Need]] = frozenset({"postgres", "redis", "chroma"})


class _Other(App):
    title: ClassVar[str] = "Other"
    needs: ClassVar[frozenset[Need]] = frozenset({"postgres"})


_code = Folder(path=".")

box = group(
    Server(
        host=_data.get("host", "127.0.0.1"),
        name="backedup",
        login=login_to(_data["target"], _data["port"]),
        postgres=Postgres(),
        redis=Redis(),
        chroma=Chroma(),
        backups=Backups(
            offsite=S3(endpoint=_data["bucket_at"], bucket=bucket.NAME, region="eu-1")
            if "bucket_at" in _data
            else Sftp(
                host=_data["offsite"],
                user="keeper",
                path="/srv/keeper/backups",
                host_keys=tuple(_data["host_keys"]),
            )
        ),
        apps=(
            _Notes(name="note-taker", domain="notes.example.com", source=_code),
            _Other(name="other", domain="other.example.com", source=_code),
        ),
    )
)
