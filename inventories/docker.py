"""The target: a throw-away box in Docker, made by `./boxkeeper demo`. A real inventory looks the same."""

from roles import ROOT
from roles.alerts import Alerts
from roles.apps import Folder
from roles.apps.ai_note_taker import AiNoteTaker
from roles.backups import Backups
from roles.drift import Drift
from roles.firewall import Firewall
from roles.nginx import Nginx
from roles.postgres import Postgres
from roles.redis import Redis
from roles.server import Server, group
from roles.ssh import Ssh
from roles.tls import Tls
from target import inventory

docker = group(
    Server(
        host="127.0.0.1",
        name="box",
        login=inventory.login(),
        ssh=Ssh(keys=(inventory.public_key(),)),
        firewall=Firewall(),
        postgres=Postgres(),
        redis=Redis(),
        tls=Tls(certificates="self-signed"),
        nginx=Nginx(),
        backups=Backups(),
        alerts=Alerts(capacity=1),  # a container counts all that its machine does as its own
        drift=Drift(),
        apps=(
            AiNoteTaker(
                domain="notes.localhost",
                source=Folder(path=str(ROOT / "examples" / "ai_note_taker")),
            ),
        ),
    )
)
