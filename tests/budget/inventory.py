"""A target with an app of the sizes in BUDGET, which is JSON."""

import json
from os import environ
from typing import ClassVar

from roles.apps import App, Folder, Process
from roles.server import Login, Server, group
from target import STATE

_data = json.loads(environ["BUDGET"])
_target = STATE / "targets" / _data["target"]


class _Movies(App):
    title: ClassVar[str] = "Movies"
    processes: ClassVar[tuple[Process, ...]] = (Process("web", "movies", memory="900G", typical=_data["memory"]),)


box = group(
    Server(
        host="127.0.0.1",
        login=Login(port=_data["port"], key=str(_target / "id_ed25519"), known_hosts=str(_target / "known_hosts")),
        apps=(_Movies(name="movies", domain="movies.example.com", source=Folder(path="."), disk=_data["disk"]),),
    )
)
