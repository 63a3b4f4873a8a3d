"""All five apps on one target, side by side: `./boxkeeper demo --five`. Their sources are the stand-ins of `examples/`."""

import json
from os import environ

from roles import ROOT
from roles.alerts import Alerts
from roles.apps import Folder
from roles.apps.ai_note_taker import AiNoteTaker
from roles.apps.flavor_monk import FlavorMonk
from roles.apps.pair_cam import PairCam
from roles.apps.rodeo_ai import RodeoAi
from roles.apps.the_chatty_ai import TheChattyAi
from roles.backups import Backups
from roles.chroma import Chroma
from roles.drift import Drift
from roles.firewall import Firewall
from roles.nginx import Nginx
from roles.ollama import Ollama
from roles.postgres import Postgres
from roles.redis import Redis
from roles.server import Server, group
from roles.ssh import Ssh
from roles.tls import Tls
from roles.turn import Turn
from target import inventory, ollama

_examples = ROOT / "examples"
_other = json.loads(environ.get("BOXKEEPER_FIVE", "{}"))
"""Settings of Flavor Monk that a test tries."""

five = group(
    Server(
        host="127.0.0.1",
        name="box",
        login=inventory.login(),
        ssh=Ssh(keys=(inventory.public_key(),)),
        firewall=Firewall(),
        postgres=Postgres(),
        redis=Redis(),
        chroma=Chroma(),
        # On a server of yours it is `Ollama()`; a target may be where neither the archive nor a model can be fetched.
        ollama=Ollama(url=ollama.URL, sha256=ollama.sha256()),
        turn=Turn(),
        tls=Tls(certificates="self-signed"),
        nginx=Nginx(),
        backups=Backups(),
        alerts=Alerts(capacity=1),  # a container counts all that its machine does as its own
        drift=Drift(),
        apps=(
            AiNoteTaker(domain="notes.localhost", source=Folder(path=str(_examples / "ai_note_taker"))),
            TheChattyAi(
                domain="chatty.localhost",
                source=Folder(path=str(_examples / "the_chatty_ai")),
                env={"ECHO_ENV": "GOOGLE_CREDENTIALS,GOOGLE_TOKEN"},
            ),
            PairCam(
                domain="cam.localhost",
                aliases=("www.cam.localhost",),
                source=Folder(path=str(_examples / "pair_cam")),
            ),
            RodeoAi(domain="rodeo.localhost", source=Folder(path=str(_examples / "rodeo_ai"))),
            FlavorMonk(domain="monk.localhost", source=Folder(path=str(_examples / "flavor_monk")), **_other),
        ),
    )
)
