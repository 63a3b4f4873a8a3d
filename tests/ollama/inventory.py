"""A target with two apps, of which one needs Ollama. OLLAMA is JSON: the target, and settings to try."""

import json
from os import environ
from typing import ClassVar

from roles.apps import App, Folder
from roles.apps.app import Need
from roles.firewall import Firewall
from roles.models import Model
from roles.ollama import Ollama
from roles.server import Server, group
from target.inventory import login_to

_data = json.loads(environ["OLLAMA"])


class _Cook(App):
    title: ClassVar[str] = "Cook"
    needs: ClassVar[frozenset[Need]] = frozenset({"ollama"})

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(_data["models"])


_code = Folder(path=".")

box = group(
    Server(
        host="127.0.0.1",
        name="ollamabox",
        login=login_to(_data["target"], _data["port"]),
        firewall=Firewall(),
        ollama=Ollama(
            sizes={"tinyllama:a-slow": Model(1, 1), "tinyllama:big": Model(1, 10**9), "none": Model(1, 1)},
            **_data["ollama"],
        ),
        apps=(_Cook(name="flavor-cook", domain="cook.example.com", source=_code),),
    )
)
