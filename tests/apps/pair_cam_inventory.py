"""PairCam alone on a target. TURN is asked for by its users through the address of the target."""

from os import environ
from pathlib import Path

from roles import ROOT
from roles.apps import Folder
from roles.apps.pair_cam import PairCam
from roles.firewall import Firewall
from roles.nginx import Nginx
from roles.postgres import Postgres
from roles.redis import Redis
from roles.server import Login, Server, group
from roles.ssh import Ssh
from roles.tls import Tls
from roles.turn import Turn

_target = ROOT / ".boxkeeper" / "targets" / environ["BOXKEEPER_TARGET"]

boxes = group(
    Server(
        host="127.0.0.1",
        name="box",
        login=Login(
            port=int(Path(_target, "port").read_text()),
            key=str(_target / "id_ed25519"),
            known_hosts=str(_target / "known_hosts"),
        ),
        ssh=Ssh(keys=(str(_target / "id_ed25519.pub"),)),
        firewall=Firewall(),
        postgres=Postgres(),
        redis=Redis(),
        tls=Tls(certificates="self-signed"),
        nginx=Nginx(),
        turn=Turn(),
        apps=(
            PairCam(
                domain="cam.example.com",
                aliases=("www.cam.example.com",),
                source=Folder(path=str(ROOT / "examples" / "pair_cam")),
            ),
        ),
    )
)
