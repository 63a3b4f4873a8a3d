"""Scripts of a package.json: what they become without npm."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from onbox.scripts import command

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("script", "words", "variables"),
    [
        ("node server.js", ["node", "server.js"], {}),
        ("next start -H 'a b'", ["next", "start", "-H", "a b"], {}),
        ("NODE_ENV=production node x.js", ["node", "x.js"], {"NODE_ENV": "production"}),
        ("cross-env A=1 B= node x.js", ["node", "x.js"], {"A": "1", "B": ""}),
        ("node a.js && node b.js", ["/bin/sh", "-c", "node a.js && exec node b.js"], {}),
        ("node a.js; node b.js", ["/bin/sh", "-c", "node a.js; node b.js"], {}),
        ("node a.js && A=1 node b.js", ["/bin/sh", "-c", "node a.js && A=1 node b.js"], {}),
        ("node $FILE", ["/bin/sh", "-c", "node $FILE"], {}),
        ("", ["/bin/true"], {}),
    ],
)
def test_a_script_is_run_by_a_shell_only_where_it_needs_one(
    script: str, words: list[str], variables: dict[str, str]
) -> None:
    assert command(script) == (words, variables)


def run(folder: Path, scripts: object, name: str = "start") -> subprocess.CompletedProcess[str]:
    (folder / "package.json").write_text(json.dumps({"name": "mine", "version": "1.2.3", "scripts": scripts}))
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv[1:] = ['scripts', 'run', {name!r}]\n"
    program += "from onbox.entry import main; main()"
    return subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )


def test_a_script_takes_the_place_of_its_runner_and_knows_what_npm_tells(tmp_path: Path) -> None:
    done = run(tmp_path, {"prestart": "echo first", "start": 'printenv npm_package_version && printenv "LANG"'})
    assert done.stdout.splitlines()[:2] == ["first", "1.2.3"]


def test_a_script_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    done = run(tmp_path, {"serve": "node x", "build": "tsc"})
    assert done.returncode == 1
    assert done.stderr.strip().endswith("package.json has no script 'start'; there is build, serve")


def test_a_step_before_that_fails_is_the_end(tmp_path: Path) -> None:
    done = run(tmp_path, {"prestart": "exit 3", "start": "echo never"})
    assert (done.returncode, done.stdout, done.stderr.strip()) == (1, "", "script prestart: exit code 3")


def test_a_program_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    assert run(tmp_path, {"start": "no-such-program x"}).stderr == (
        "script start: no-such-program: No such file or directory\n"
    )
