"""A target with one app's database, and backups of it on the box itself. MAJOR is JSON: the target."""

import json
from os import environ
from typing import ClassVar

from roles.apps import App, Folder
from roles.apps.app import Need
from roles.backups import Backups
from roles.postgres import Postgres
from roles.server import Server, group
from target.inventory import login_to

_data = json.loads(environ["MAJOR"])


class _Notes(App):
    title: ClassVar[str] = "Notes"
    needs: ClassVar[frozenset[Need]] = frozenset({"postgres"})


box = group(
    Server(
        host="127.0.0.1",
        name="majorbox",
        login=login_to(_data["target"], _data["port"]),
        postgres=Postgres(),
        backups=Backups(),
        apps=(_Notes(name="notes", domain="notes.example.com", source=Folder(path=".")),),
    )
)
