"""How the source of an app becomes something that runs: on the box, or here where the box is too small."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import environ
from pathlib import Path

from roles import Fault
from roles.apps import source
from roles.apps.app import App
from roles.apps.command import literal
from roles.apps.parts import Node, Python

SHOWN = 20
"""Lines of a failed build that the user sees."""


def commands(app: App) -> list[str]:
    """What the box runs in /srv/NAME/next, as ExecStart lines."""
    made = []
    if isinstance(app.runtime, Python):
        requirements = f"{app.runtime.directory}/{app.runtime.requirements}"
        made.append(f"/usr/bin/python3 -I /usr/local/lib/boxkeeper venvs make .venv {requirements}")
    if app.build_on == "box":
        made += [f"/bin/sh -c '{literal(step)}'" for step in npm(app)]
    return made or ["/bin/true"]


def npm(app: App) -> list[str]:
    """The steps that need npm, for a shell at the top of the source."""
    install = "if [ -f package-lock.json ]; then npm ci; else npm install; fi"
    steps = []
    if isinstance(app.runtime, Node):
        inside = f"cd {app.runtime.directory} &&"
        steps += [f"{inside} {install}", *([f"{inside} {app.runtime.build}"] if app.runtime.build else [])]
    if app.frontend is not None and app.frontend.build is not None:
        inside = f"cd {app.frontend.directory} &&"
        # What was built needs its packages no more; a runtime's in the same folder are its own.
        alone = not isinstance(app.runtime, Node) or app.runtime.directory != app.frontend.directory
        clean = " && rm -rf node_modules" if alone else ""
        steps += [*([f"{inside} {install}"] if alone else []), f"{inside} {app.frontend.build}{clean}"]
    return steps


@contextmanager
def here(app: App, folder: Path, variables: Mapping[str, str]) -> Iterator[Path]:
    """A copy of the source in which npm has done its work. Raises Fault with the build's last lines when it fails."""
    if shutil.which("npm") is None:
        raise Fault(f"{app.name}: build_on='here' needs npm on this machine: install Node.js, e.g. `apt install npm`")
    with tempfile.TemporaryDirectory(prefix="boxkeeper-build-") as copy:
        for name in source.files(folder):
            (Path(copy) / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / name, Path(copy) / name, follow_symlinks=False)
        for step in npm(app):
            env = {**_authorities(), **environ, "CI": "true", **variables}
            done = subprocess.run(["/bin/sh", "-c", step], cwd=copy, env=env, capture_output=True, check=False)
            if done.returncode != 0:
                said = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()[-SHOWN:]
                lines = "\n".join(f"  {line}" for line in said)
                raise Fault(f"{app.name}: `{step}` failed here with exit code {done.returncode}\n{lines}")
        yield Path(copy)


def _authorities() -> dict[str, str]:
    """The machine's certificate authorities, for one behind a company's proxy: a Node.js knows its own only."""
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    return {"NODE_EXTRA_CA_CERTS": str(bundle)} if bundle.exists() else {}
