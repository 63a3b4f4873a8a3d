"""RodeoAI and its inference server as sources of releases: what they pin, with none of their own packages at hand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
APP = EXAMPLES / "rodeo_ai"
BACKEND = APP / "backend"
REQUIRED = {
    "DATABASE_URL": "postgresql://a:b@127.0.0.1/c",
    "REDIS_URL": "redis://127.0.0.1",
    "CHROMA_URL": "http://127.0.0.1:7400",
    "CHROMA_TOKEN": "t",
    "UPLOADS": "/srv/rodeo-ai/shared/uploads",
    "OPENAI_API_KEY": "o",
    "STRIPE_SECRET_KEY": "s",
    "STRIPE_WEBHOOK_SECRET": "w",
}


@pytest.mark.parametrize("missing", REQUIRED)
def test_a_missing_value_is_named_in_one_line_and_ends_with_code_1(missing: str) -> None:
    environment = {name: value for name, value in REQUIRED.items() if name != missing}
    command = [sys.executable, "-B", "-c", "import os, settings; settings.load(os.environ)"]
    ended = subprocess.run(command, cwd=BACKEND, env=environment, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert ended.stderr == f"rodeo-ai: missing in the environment: {missing}\n"


@pytest.mark.parametrize("folder", [BACKEND, EXAMPLES / "rodeo_inference"], ids=lambda folder: folder.name)
def test_every_python_package_is_pinned(folder: Path) -> None:
    packages = [line for line in (folder / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert packages
    for line in packages:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9a-z.]+( ; python_full_version (<|>=) '[0-9.]+')?", line), line


def test_the_client_of_chroma_is_of_the_servers_version() -> None:
    from roles.chroma import VENV

    server = VENV.requirements[0].partition("==")[2]
    assert f"\nchromadb-client=={server}\n" in (BACKEND / "requirements.txt").read_text()


def test_the_lock_pins_all_node_packages_and_no_registry() -> None:
    wanted = json.loads((APP / "package.json").read_text())["dependencies"]
    packages = json.loads((APP / "package-lock.json").read_text())["packages"]
    assert packages[""]["dependencies"] == wanted
    for name, package in packages.items():
        assert "resolved" not in package
        assert name == "" or "integrity" in package, name
