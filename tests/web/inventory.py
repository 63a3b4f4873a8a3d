"""Two sites on a target, before any app is there: what the tests beside it need of an inventory. WEB is JSON."""

import json
from os import environ
from typing import ClassVar

from roles.apps import App, Frontend, Git, Process, Rate, Route
from roles.firewall import Firewall
from roles.nginx import Nginx
from roles.server import Server, group
from roles.tls import Tls
from target.inventory import login_to

_wanted = json.loads(environ["WEB"])


class _Standin(App):
    title: ClassVar[str] = "Stand-in"
    frontend: ClassVar[Frontend] = Frontend()
    processes: ClassVar[tuple[Process, ...]] = (Process("web", "none"),)
    routes: ClassVar[tuple[Route, ...]] = (
        Route("/", to="static"),
        Route("/api/", body="1m"),
        Route("/api/limited", rate=Rate(5, "minute", burst=5)),
        Route("/ws", websocket=True),
    )


class _Broken(_Standin):
    def socket(self, process: str) -> str:
        return f"/srv/notes/live/{'too-long-' * 20}.sock"


_source = Git(url="https://example.com/app.git")
_apps = [
    (_Broken if name in _wanted.get("broken", ()) else _Standin)(
        name=name,
        domain=names[0],
        aliases=tuple(names[1:]),
        source=_source,
        cdn="cloudflare" if name in _wanted.get("behind", ()) else None,
    )
    for name, names in _wanted["apps"].items()
]

boxes = group(
    Server(
        host="127.0.0.1",
        login=login_to(_wanted["target"], _wanted["port"]),
        firewall=Firewall(**_wanted["firewall"]) if "firewall" in _wanted else None,
        nginx=Nginx(drain_minutes=1),
        tls=Tls(**_wanted["tls"]),
        apps=tuple(_apps),
    )
)
