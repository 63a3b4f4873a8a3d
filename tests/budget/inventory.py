"""A target with an app of the sizes in BUDGET, which is JSON."""

import json
from os import environ
from typing import ClassVar

from roles.apps import App, Folder, Process
from roles.server import Server, group
from target.inventory import login_to

_data = json.loads(environ["BUDGET"])


class _Movies(App):
    title: ClassVar[str] = "Movies"
    processes: ClassVar[tuple[Process, ...]] = (Process("web", "movies", memory="900G", typical=_data["memory"]),)


box = group(
    Server(
        host="127.0.0.1",
        login=login_to(_data["target"], _data["port"]),
        apps=(_Movies(name="movies", domain="movies.example.com", source=Folder(path="."), disk=_data["disk"]),),
    )
)
