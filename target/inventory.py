"""How an inventory of ours reaches the target: the one that BOXKEEPER_TARGET names, by default the demo's."""

from os import environ
from pathlib import Path

from roles import Fault
from roles.server import Login
from target import STATE


def login() -> Login:
    """Raises Fault when there is no target. BOXKEEPER_TARGET_PORT is the port of a relay before it."""
    folder = _folder()
    if not (folder / "port").exists():
        raise Fault("there is no target yet: `./boxkeeper demo` makes one")
    return login_to(folder.name, int(environ.get("BOXKEEPER_TARGET_PORT") or (folder / "port").read_text()))


def login_to(target: str, port: int) -> Login:
    """How the target of that name is reached, by that port."""
    folder = STATE / "targets" / target
    return Login(port=port, key=str(folder / "id_ed25519"), known_hosts=str(folder / "known_hosts"))


def public_key() -> str:
    return str(_folder() / "id_ed25519.pub")


def _folder() -> Path:
    return STATE / "targets" / environ.get("BOXKEEPER_TARGET", "boxkeeper")
