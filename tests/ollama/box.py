"""A target with Ollama's stand-in, a mirror on the box that it comes from, and ways to ask both."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from target import ollama as standin
from target import own
from target.box import Target
from target.project import Runs
from target.run import Run, run, start

NAME = own("ollamabox")
HERE = Path(__file__).resolve().parent
MIRROR = "http://127.0.0.1:8085"
FOLDER = "/srv/mirror"
APP = "flavor-cook"
MODELS = "/var/lib/boxkeeper-ollama/models"


@dataclass(frozen=True)
class Box(Runs):
    """The box, and what its inventory says."""

    target: Target

    def settings(self, wanted: dict[str, Any]) -> dict[str, str]:
        defaults = {
            "target": self.target.name,
            "port": self.target.port(22),
            "models": ["tinyllama", "all-minilm"],
            "ollama": {"url": f"{MIRROR}/ollama-{{version}}-{{arch}}.tar.gz", "sha256": standin.sha256()},
        }
        return {"OLLAMA": json.dumps({**defaults, **wanted})}

    def run(self, *arguments: str, **wanted: Any) -> Run:
        """Run pyinfra with the inventory beside this file, as a user does."""
        return run(HERE / "inventory.py", HERE / "deploy.py", *arguments, environment=self.settings(wanted))

    def begin(self, **wanted: Any) -> subprocess.Popen[bytes]:
        """A run that goes on beside the test, which may kill it."""
        return start(HERE / "inventory.py", HERE / "deploy.py", environment=self.settings(wanted))

    def ask(self, path: str, user: str = "root", body: Any = None) -> tuple[int, str]:
        """Ask Ollama as an account of the box: exit code of curl, and the answer."""
        data = f"-d {shlex.quote(json.dumps(body))}" if body is not None else ""
        return self.target.execute(f"runuser -u {user} -- curl -sS -m 20 {data} http://127.0.0.1:11434{path}")

    def models(self) -> list[str]:
        return [model["name"] for model in json.loads(self.ask("/api/tags")[1])["models"]]

    def forget(self, model: str) -> None:
        """A box that never pulled this model."""
        name, _, tag = model.partition(":")
        manifest = f"{MODELS}/manifests/registry.ollama.ai/library/{name}/{tag}"
        digest = f"grep -o 'sha256:[0-9a-f]*' {manifest} | tr : -"
        self.target.succeed(
            f"rm -f {MODELS}/blobs/*-partial; test ! -e {manifest} || rm -f {MODELS}/blobs/$({digest})* {manifest}"
        )

    def put(self, path: str, content: bytes) -> None:
        text = base64.b64encode(content).decode()
        self.target.succeed(f"mkdir -p {path.rpartition('/')[0]} && echo {text} | base64 -d >{path}")

    def mirror(self, version: str, content: bytes) -> None:
        """Offer an archive as that version, for both kinds of processors."""
        for arch in ("amd64", "arm64"):
            self.put(f"{FOLDER}/ollama-{version}-{arch}.tar.gz", content)

    def served(self) -> list[str]:
        """What the mirror was asked for, one line each: the path, and the first byte."""
        return self.target.execute(f"cat {FOLDER}/log")[1].splitlines()

    def open(self) -> None:
        """Start the mirror on the box."""
        self.put("/usr/local/lib/mirror.py", (HERE / "mirror.py").read_bytes())
        self.target.succeed(f"mkdir -p {FOLDER}; rm -f {FOLDER}/log; systemctl stop mirror 2>/dev/null; true")
        self.target.succeed(f"systemd-run -q --collect --unit=mirror python3 /usr/local/lib/mirror.py 8085 {FOLDER}")
        self.target.wait_until(f"curl -sS -m 2 {MIRROR}/", 20)
