"""A target with Flavor Monk on Ollama's stand-in. MONK is JSON: the target, the model."""

import json
from os import environ

from roles import ROOT
from roles.apps import Folder
from roles.apps.flavor_monk import FlavorMonk
from roles.chroma import Chroma
from roles.firewall import Firewall
from roles.nginx import Nginx
from roles.ollama import Ollama
from roles.postgres import Postgres
from roles.redis import Redis
from roles.server import Login, Server, group
from roles.tls import Tls
from target import STATE
from target import ollama as standin

_data = json.loads(environ["MONK"])
_target = STATE / "targets" / _data["target"]

boxes = group(
    Server(
        host="127.0.0.1",
        name="monkbox",
        login=Login(port=_data["port"], key=str(_target / "id_ed25519"), known_hosts=str(_target / "known_hosts")),
        firewall=Firewall(),
        postgres=Postgres(),
        redis=Redis(),
        chroma=Chroma(),
        ollama=Ollama(url=standin.URL, sha256=standin.sha256()),
        tls=Tls(certificates="self-signed"),
        nginx=Nginx(),
        apps=(
            FlavorMonk(
                domain="monk.example.test",
                source=Folder(path=str(ROOT / "examples" / "flavor_monk")),
                model=_data["model"],
            ),
        ),
    )
)
