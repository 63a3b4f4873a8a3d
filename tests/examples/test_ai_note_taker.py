"""The example as a source of releases: what it pins and what it says, with none of its own packages at hand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "examples" / "ai_note_taker"
BACKEND = APP / "backend"
REQUIRED = {
    "DATABASE_URL": "postgresql://a:b@127.0.0.1/c",
    "REDIS_URL": "redis://127.0.0.1",
    "DEEPGRAM_API_KEY": "d",
    "GEMINI_API_KEY": "g",
}


def run(code: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    # -B: a source folder gets no bytecode from being looked at.
    command = [sys.executable, "-B", "-c", code]
    return subprocess.run(command, cwd=BACKEND, env=environment, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("missing", REQUIRED)
def test_a_missing_value_is_named_in_one_line_and_ends_with_code_1(missing: str) -> None:
    environment = {name: value for name, value in REQUIRED.items() if name != missing}
    ended = run("import os, settings; settings.load(os.environ)", environment)
    assert ended.returncode == 1
    assert ended.stderr == f"ai-note-taker: missing in the environment: {missing}\n"


def test_settings_never_show_a_secret_when_printed() -> None:
    shown = run("import os, settings; print(settings.load(os.environ))", REQUIRED | {"GEMINI_API_KEY": "hunter2"})
    assert "hunter2" not in shown.stdout
    assert "release='1.0.0'" in shown.stdout


def test_boxkeeper_names_the_release() -> None:
    environment = REQUIRED | {"BOXKEEPER_RELEASE": "r7"}
    assert run("import os, settings; print(settings.load(os.environ).release)", environment).stdout == "r7\n"


def test_the_same_note_has_the_same_summary() -> None:
    code = "from summary import summarize; print(summarize('Budget plan. Lunch. The budget. Plan the budget.'))"
    first, second = run(code, {"PYTHONHASHSEED": "1"}), run(code, {"PYTHONHASHSEED": "2"})
    assert first.stdout == second.stdout == "Budget plan. The budget. Plan the budget.\n"


def test_every_python_package_is_pinned() -> None:
    lines = (BACKEND / "requirements.txt").read_text().splitlines()
    packages = [line for line in lines if not line.startswith("#")]
    assert packages
    for line in packages:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+( ; python_full_version < '[0-9.]+')?", line), line


def test_the_lock_pins_all_node_packages_and_no_registry() -> None:
    wanted = json.loads((APP / "package.json").read_text())["dependencies"]
    packages = json.loads((APP / "package-lock.json").read_text())["packages"]
    assert packages[""]["dependencies"] == wanted
    for name, package in packages.items():
        assert "resolved" not in package
        assert name == "" or "integrity" in package, name


def test_the_lock_holds_the_builders_of_every_machine() -> None:
    # npm can leave those of other machines out of a lock that it writes: https://github.com/npm/cli/issues/4828
    packages = json.loads((APP / "package-lock.json").read_text())["packages"]
    for builder in ("rollup", "esbuild"):
        for name in packages[f"node_modules/{builder}"]["optionalDependencies"]:
            assert f"node_modules/{name}" in packages
