"""Python virtual environments: by uv, which is ten times faster, or by pip where there is no uv."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import Any

from onbox.shell import run

Json = Any
UV = "/opt/boxkeeper/uv/bin/uv"
MADE_OF = "made-of.json"


def observe(queries: list[str]) -> list[Json]:
    return [_requirements(path) for path in queries]


def _requirements(path: str) -> Json:
    """What it is made of; None where it is not there, or made for another Python than the distribution's of today."""
    python = os.path.basename(os.path.realpath("/usr/bin/python3"))
    if not os.path.isdir(os.path.join(path, "lib", python)):
        return None
    try:
        with open(os.path.join(path, MADE_OF)) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def apply(payload: Json) -> None:
    """Make a tool's environment. The list of what it is made of is written last: one cut off is made again."""
    path = payload["path"]
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    _create(path)
    _install(path, payload["requirements"])
    # its packages under a name that is the same for every Python
    os.symlink(f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages", os.path.join(path, "packages"))
    with open(os.path.join(path, MADE_OF), "w") as file:
        json.dump(payload["requirements"], file)


def make(path: str, requirements: str) -> None:
    """Make an app's environment from its requirements file."""
    _create(path)
    _install(path, ["-r", requirements])


def _create(path: str) -> None:
    if os.path.exists(UV):
        run([UV, "venv", "--quiet", "--python", "/usr/bin/python3", path])
    else:
        run(["/usr/bin/python3", "-m", "venv", path])


def _install(path: str, wanted: list[str]) -> None:
    python = os.path.join(path, "bin", "python")
    # The system's certificates, for a box behind a company's proxy: uv brings its own otherwise.
    system = {"UV_NATIVE_TLS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if os.path.exists(UV):
        run([UV, "pip", "install", "--quiet", "--python", python, *wanted], env=system, timeout=1800)
    else:
        run([python, "-m", "pip", "install", "--quiet", *wanted], env=system, timeout=1800)
