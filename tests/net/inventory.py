"""A target with only its base, SSH and firewall: what the tests beside it need of an inventory. NET is JSON."""

import json
from os import environ

from roles.firewall import Firewall
from roles.server import Login, Server, group
from roles.ssh import Ssh
from target import STATE

_net = json.loads(environ["NET"])
_target = STATE / "targets" / _net["target"]

box = group(
    Server(
        host=_net["host"],
        name="netbox",
        login=Login(
            port=_net["port"],
            key=str(_target / "id_ed25519"),
            known_hosts=str(_target / "known_hosts"),
        ),
        ssh=Ssh(keys=tuple(_net.get("keys", [str(_target / "id_ed25519.pub")])), port=_net.get("ssh_port")),
        firewall=Firewall(ports=tuple(_net.get("ports", []))),
    )
)
