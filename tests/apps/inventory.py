"""One small app from a git repository on the box itself, described in this file only."""

from os import environ
from pathlib import Path
from typing import ClassVar

from roles import ROOT
from roles.apps import App, Git, Process
from roles.server import Login, Server, group


class Greeter(App):
    """Answers with what is in its repository."""

    title: ClassVar[str] = "Greeter"
    processes: ClassVar[tuple[Process, ...]] = (Process("web", "/usr/bin/python3 greeter.py"),)
    release_command: ClassVar[str] = "/usr/bin/python3 migrate.py"
    health: ClassVar[str] = "/health"

    name: str = "greeter"


_target = ROOT / ".boxkeeper" / "targets" / environ["BOXKEEPER_TARGET"]

boxes = group(
    Server(
        host="127.0.0.1",
        name="box",
        login=Login(
            user="admin",
            port=int(Path(_target, "port").read_text()),
            key=str(_target / "id_ed25519"),
            known_hosts=str(_target / "known_hosts"),
        ),
        apps=(
            Greeter(
                domain="greeter.example.com",
                source=Git(
                    url=environ.get("GREETER_URL", "file:///srv/git/greeter"),
                    ref=environ.get("GREETER_REF", "main"),
                    host_key=environ.get("GREETER_HOST_KEY"),
                ),
                env={"FATAL": environ.get("GREETER_FATAL", ""), "ODD": "a\"b\\c$d%e`f\ng\th é 'q' #x "},
            ),
        ),
    )
)
