"""A target with one app that reads what a package of the box brings. PATCHES is JSON: the target, and its settings."""

import json
from os import environ
from pathlib import Path
from typing import ClassVar

from roles.apps import App, Folder, Process, Route
from roles.apps.app import Need
from roles.nginx import Nginx
from roles.patches import Patches
from roles.postgres import Postgres
from roles.redis import Redis
from roles.server import Server, group
from roles.tls import Tls
from target.inventory import login_to

_data = json.loads(environ["PATCHES"])


class _Shop(App):
    title: ClassVar[str] = "Shop"
    needs: ClassVar[frozenset[Need]] = frozenset({"postgres", "redis"})
    processes: ClassVar[tuple[Process, ...]] = (Process("web", "/usr/bin/python3 shop.py"),)
    routes: ClassVar[tuple[Route, ...]] = (Route("/"), Route("/ws", websocket=True))


box = group(
    Server(
        host="127.0.0.1",
        name="patchbox",
        login=login_to(_data["target"], _data["port"]),
        postgres=Postgres(),
        redis=Redis(),
        tls=Tls(certificates="self-signed"),
        nginx=Nginx(),
        patches=Patches(window=_data["window"]),
        apps=(_Shop(name="shop", domain="shop.example.com", source=Folder(path=str(Path(_data["code"])))),),
    )
)
