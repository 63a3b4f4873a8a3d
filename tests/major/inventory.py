"""A target with one app's database, and backups of it on the box itself. MAJOR is JSON: the target."""

import json
from os import environ
from typing import ClassVar

from roles.apps import App, Folder
from roles.apps.app import Need
from roles.backups import Backups
from roles.postgres import Postgres
from roles.server import Login, Server, group
from target import STATE

_data = json.loads(environ["MAJOR"])
_target = STATE / "targets" / _data["target"]


class _Notes(App):
    title: ClassVar[str] = "Notes"
    needs: ClassVar[frozenset[Need]] = frozenset({"postgres"})


box = group(
    Server(
        host="127.0.0.1",
        name="majorbox",
        login=Login(port=_data["port"], key=str(_target / "id_ed25519"), known_hosts=str(_target / "known_hosts")),
        postgres=Postgres(),
        backups=Backups(),
        apps=(_Notes(name="notes", domain="notes.example.com", source=Folder(path=".")),),
    )
)
