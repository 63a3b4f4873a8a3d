"""A target with only its base, SSH and firewall: what the tests beside it need of an inventory. NET is JSON."""

import json
from os import environ
from typing import ClassVar

from roles.apps import App, Git, Process, Route
from roles.firewall import Firewall
from roles.nginx import Nginx
from roles.server import Server, group
from roles.ssh import Ssh
from roles.tls import Tls
from target import STATE
from target.inventory import login_to

_net = json.loads(environ["NET"])
_target = STATE / "targets" / _net["target"]


class _Site(App):
    title: ClassVar[str] = "Site"
    processes: ClassVar[tuple[Process, ...]] = (Process("web", "none"),)
    routes: ClassVar[tuple[Route, ...]] = (Route("/"),)


_site = _Site(name="site", domain="site.example.test", source=Git(url="https://example.com/app.git"), cdn="cloudflare")

box = group(
    Server(
        host=_net["host"],
        name="netbox",
        login=login_to(_net["target"], _net["port"]),
        ssh=Ssh(keys=tuple(_net.get("keys", [str(_target / "id_ed25519.pub")])), port=_net.get("ssh_port")),
        firewall=Firewall(ports=tuple(_net.get("ports", [])), web="cdn" if "ranges" in _net else "everybody"),
        nginx=Nginx() if "ranges" in _net else None,
        tls=Tls(certificates="self-signed"),
        apps=(_site,) if "ranges" in _net else (),
    )
)
