"""The target: a throw-away box in Docker, made by `./boxkeeper demo`. A real inventory looks the same."""

from os import environ
from pathlib import Path

from roles import Fault
from roles.apps import Folder
from roles.apps.ai_note_taker import AiNoteTaker
from roles.firewall import Firewall
from roles.nginx import Nginx
from roles.postgres import Postgres
from roles.redis import Redis
from roles.server import Login, Server, group
from roles.ssh import Ssh
from roles.tls import Tls

_root = Path(__file__).resolve().parent.parent
_target = _root / ".boxkeeper" / "targets" / environ.get("BOXKEEPER_TARGET", "boxkeeper")
if not (_target / "port").exists():
    raise Fault("there is no target yet: `./boxkeeper demo` makes one")
_port = int(environ.get("BOXKEEPER_TARGET_PORT") or (_target / "port").read_text())

docker = group(
    Server(
        host="127.0.0.1",
        name="box",
        login=Login(port=_port, key=str(_target / "id_ed25519"), known_hosts=str(_target / "known_hosts")),
        ssh=Ssh(keys=(str(_target / "id_ed25519.pub"),)),
        firewall=Firewall(),
        postgres=Postgres(),
        redis=Redis(),
        tls=Tls(certificates="self-signed"),
        nginx=Nginx(),
        apps=(
            AiNoteTaker(
                domain="notes.localhost",
                source=Folder(path=str(_root / "examples" / "ai_note_taker")),
            ),
        ),
    )
)
