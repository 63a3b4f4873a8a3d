"""A user's own project on a target: an inventory beside its secrets, in a folder of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from unittest.mock import patch

import pyrage

from roles.secrets import Store
from target.box import Target
from target.run import Run, boxkeeper, run

P = TypeVar("P", bound="Project")


class Runs(ABC):
    """What is converged by pyinfra, as a user does. `wanted` is what its inventory is to say."""

    @abstractmethod
    def run(self, *arguments: str, **wanted: Any) -> Run: ...

    def converge(self, **wanted: Any) -> str:
        """A run that must succeed; what it printed."""
        done = self.run("-y", **wanted)
        assert done.code == 0, done.output
        return done.output

    def changes(self, **wanted: Any) -> list[str]:
        """The operations that a run would change something with, from pyinfra's own plan."""
        return self.run("--dry", "--json", **wanted).changes


@dataclass(frozen=True)
class Project(Runs):
    """A target, the folder of its project, and the age key to the secrets there.

    Whoever inherits says in which folder `inventory.py` and `deploy.py` are, and in which variable of the environment
    the inventory finds what is wanted, as JSON.
    """

    target: Target
    folder: Path
    key: str
    here: ClassVar[Path]
    variable: ClassVar[str]

    @classmethod
    @contextmanager
    def on(cls: type[P], target: Target, folder: Path) -> Iterator[P]:
        """A project in this empty folder, for as long as the target is there. BOXKEEPER_KEEP_TARGET spares it."""
        shutil.copy(cls.here / "inventory.py", folder)
        key = str(pyrage.x25519.Identity.generate())
        try:
            with patch.dict(os.environ, BOXKEEPER_AGE_KEY=key):
                yield cls(target, folder, key)
        finally:
            if not os.environ.get("BOXKEEPER_KEEP_TARGET"):
                target.remove()

    def settings(self, **wanted: Any) -> dict[str, Any]:
        """All that the inventory is told."""
        return {"target": self.target.name, "port": self.target.port(22), **wanted}

    def variables(self, **wanted: Any) -> dict[str, str]:
        """The environment that tells it."""
        return {self.variable: json.dumps(self.settings(**wanted)), "BOXKEEPER_AGE_KEY": self.key}

    def run(self, *arguments: str, **wanted: Any) -> Run:
        return run(self.folder / "inventory.py", self.deploy, *arguments, environment=self.variables(**wanted))

    def command(self, *arguments: str, stdin: bytes = b"", **wanted: Any) -> subprocess.CompletedProcess[bytes]:
        """`boxkeeper ARGUMENTS`, of which `ENV` is this inventory."""
        words = [str(self.folder / "inventory.py") if word == "ENV" else word for word in arguments]
        return boxkeeper(*words, environment=self.variables(**wanted), stdin=stdin)

    @property
    def deploy(self) -> Path:
        return self.here / "deploy.py"

    @property
    def store(self) -> Store:
        return Store.beside(self.folder / "inventory.py")
