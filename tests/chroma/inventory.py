"""A target with two apps that need ChromaDB. CHROMA is JSON: the target, and settings to try."""

import json
from os import environ
from typing import ClassVar

from roles.apps import App, Folder
from roles.apps.app import Need
from roles.chroma import Chroma
from roles.server import Server, group
from target.inventory import login_to

_data = json.loads(environ["CHROMA"])


class _Finder(App):
    title: ClassVar[str] = "Finder"
    needs: ClassVar[frozenset[Need]] = frozenset({"chroma"})


_code = Folder(path=".")
_memory = _data.get("chroma_memory", "384mb")

box = group(
    Server(
        host="127.0.0.1",
        name="chromabox",
        login=login_to(_data["target"], _data["port"]),
        chroma=Chroma(),
        apps=(
            _Finder(name="rodeo-ai", domain="rodeo.example.com", source=_code, chroma_memory=_memory),
            _Finder(name="flavor-monk", domain="monk.example.com", source=_code),
        ),
    )
)
