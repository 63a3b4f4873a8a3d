"""A target with Pulse twice, once in Python and once in Node. Its sources are folders that a trial changes."""

from os import environ
from pathlib import Path
from typing import ClassVar

from roles.apps import App, Folder, Node, Process, Python, Route
from roles.nginx import Nginx
from roles.server import Server, group
from roles.ssh import Ssh
from roles.tls import Tls
from target import inventory


class Pulse(App):
    title: ClassVar[str] = "Pulse"
    routes: ClassVar[tuple[Route, ...]] = (Route("/"), Route("/ws", websocket=True))
    health: ClassVar[str] = "/health"


class PythonPulse(Pulse):
    runtime: ClassVar[Python] = Python()
    processes: ClassVar[tuple[Process, ...]] = (
        Process("web", "uvicorn main:app --fd 3 --timeout-graceful-shutdown 10", typical="64M"),
    )
    release_command: ClassVar[str] = "python migrate.py"


class NodePulse(Pulse):
    runtime: ClassVar[Node] = Node()
    processes: ClassVar[tuple[Process, ...]] = (Process("web", "npm start", typical="96M"),)
    release_command: ClassVar[str] = "npm run migrate"


_folder = Path(environ["PULSE"])
_drain = int(environ.get("PULSE_DRAIN", "3600"))

boxes = group(
    Server(
        host="127.0.0.1",
        name="box",
        login=inventory.login(),
        ssh=Ssh(keys=(inventory.public_key(),)),
        nginx=Nginx(),
        tls=Tls(certificates="self-signed"),
        apps=(
            PythonPulse(
                name="pulse-python",
                domain="python.localhost",
                source=Folder(path=str(_folder / "python")),
                drain_seconds=_drain,
                env={"NOTE": environ.get("PULSE_NOTE", "none")},
            ),
            NodePulse(
                name="pulse-node",
                domain="node.localhost",
                source=Folder(path=str(_folder / "node")),
                drain_seconds=_drain,
            ),
        ),
    )
)
