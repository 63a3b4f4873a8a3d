"""The inference server in a group of its own. INFERENCE is JSON: the target, and who may ask."""

import json
from os import environ

from roles import ROOT
from roles.apps import Folder
from roles.apps.rodeo_inference import RodeoInference
from roles.firewall import Firewall
from roles.nginx import Nginx
from roles.server import Server, group
from roles.tls import Tls
from target.inventory import login_to

_data = json.loads(environ["INFERENCE"])

inference = group(
    Server(
        host="127.0.0.1",
        name="inference",
        login=login_to(_data["target"], _data["port"]),
        firewall=Firewall(),
        tls=Tls(certificates="self-signed"),
        nginx=Nginx(),
        apps=(
            RodeoInference(
                domain="inference.localhost",
                allow=tuple(_data["allow"]),
                source=Folder(path=str(ROOT / "examples" / "rodeo_inference")),
            ),
        ),
    )
)
