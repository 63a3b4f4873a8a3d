"""A target with TURN for two apps. TURN is JSON: the target, and settings to try."""

import json
from os import environ
from typing import ClassVar

from roles.apps import App, Folder, Frontend, Route
from roles.apps.app import Need
from roles.firewall import Firewall
from roles.nginx import Nginx
from roles.server import Server, group
from roles.tls import Tls
from roles.turn import Turn
from target.inventory import login_to

_data = json.loads(environ["TURN"])


class _Calls(App):
    title: ClassVar[str] = "Calls"
    needs: ClassVar[frozenset[Need]] = frozenset({"turn"})
    frontend: ClassVar[Frontend] = Frontend(build=None)
    routes: ClassVar[tuple[Route, ...]] = (Route("/", to="static"),)


_code = Folder(path=".")

box = group(
    Server(
        host="127.0.0.1",
        name="turnbox",
        login=login_to(_data["target"], _data["port"]),
        firewall=Firewall(),
        nginx=Nginx(),
        tls=Tls(certificates="self-signed"),
        turn=Turn(**_data.get("turn", {})),
        apps=(
            _Calls(name="pair-cam", domain="cam.example.com", source=_code),
            _Calls(name="other", domain="other.example.com", source=_code),
        ),
    )
)
