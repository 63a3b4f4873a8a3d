"""A target with two apps that need a database and a Redis. DATA is JSON: the target, and settings to try."""

import json
from os import environ
from typing import ClassVar, Literal

from roles.apps import App, Folder
from roles.apps.app import Need
from roles.postgres import Postgres
from roles.redis import Redis
from roles.server import Server, group
from target.inventory import login_to

_data = json.loads(environ["DATA"])


class _Notes(App):
    title: ClassVar[str] = "Notes"
    needs: ClassVar[frozenset[Need]] = frozenset({"postgres", "redis"})


class _Queue(_Notes):
    redis_use: ClassVar[Literal["cache", "queue"]] = "queue"
    extensions: ClassVar[tuple[str, ...]] = tuple(_data.get("extensions", ()))


_code = Folder(path=".")

box = group(
    Server(
        host="127.0.0.1",
        name="databox",
        login=login_to(_data["target"], _data["port"]),
        postgres=Postgres(**_data.get("postgres", {})),
        redis=Redis(),
        apps=(
            _Notes(name="note-taker", domain="notes.example.com", source=_code, redis_memory="16mb"),
            _Queue(name="pair-cam", domain="cam.example.com", source=_code, redis_memory="16mb"),
        ),
    )
)
