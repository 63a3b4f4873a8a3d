"""Programs arrive whole or do not run, and what they are told travels where nobody else can read it."""

from __future__ import annotations

import ast
import base64
import functools
import json
import shlex
import shutil
import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api import StringCommand

from roles import ROOT, program
from roles.resources import File, Files, Packages, Unit, Units

KINDS = sorted(path.stem for path in (ROOT / "onbox").glob("[a-z]*.py"))


def argv(command: StringCommand) -> list[str]:
    """The command as the box's shell takes it apart, run by the Python of the tests."""
    return [sys.executable, *shlex.split(command.get_raw_value())[1:]]


def stdin(command: StringCommand) -> str:
    (sent,) = command.connector_arguments["_stdin"]
    return str(sent)


def run(line: Sequence[str], sent: str = "") -> subprocess.CompletedProcess[str]:
    # pyinfra ends what it writes with a newline
    return subprocess.run(line, input=f"{sent}\n", capture_output=True, text=True, timeout=20, check=False)


def answer(line: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(line)))


def write(path: Path, content: bytes) -> StringCommand:
    """A program that writes a file."""
    file = File(str(path), content, owner=path.owner(), group=path.group())
    payload = Files([file]).payload({"paths": [None], "leftovers": []})
    return program.program(("files",), {"apply": "files", "payload": payload})


def test_a_whole_upload_runs(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    command = write(tmp_path / "a", b"new")
    done = run(argv(command), stdin(command))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.parametrize("left", [0, 1, 100, 0.5, -4, -1])
def test_an_upload_that_was_cut_off_changes_nothing(tmp_path: Path, left: float) -> None:
    """The connection breaks, and the box reads the end of a shorter input that looks complete."""
    (tmp_path / "a").write_text("old")
    command = write(tmp_path / "a", b"new")
    sent = stdin(command)
    cut = sent[: int(len(sent) * left) if left == 0.5 else int(left)]
    assert cut != sent
    done = run(argv(command), cut)
    assert (done.returncode, done.stderr.strip()) == (1, "the upload was cut off; nothing was changed")
    assert (tmp_path / "a").read_text() == "old"


def test_an_upload_that_was_changed_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    command = write(tmp_path / "a", b"new")
    sent = stdin(command)
    assert run(argv(command), sent[:-8] + sent[-7] + sent[-8] + sent[-6:]).returncode == 1
    assert (tmp_path / "a").read_text() == "old"


def test_what_is_to_be_done_is_in_no_argument(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    other, command = write(tmp_path / "a", b"other"), write(tmp_path / "a", b"canary-7c1f")
    line, same = argv(command), argv(other)
    assert line[:-1] == same[:-1]
    assert len(line[-1]) == 64  # a hash, and nothing that could be turned back
    assert "canary-7c1f" in base64.b64decode(answer(stdin(command))["payload"]["paths"][0]["content"]).decode()


def test_what_fails_on_the_box_is_one_line_and_an_exit_code(tmp_path: Path) -> None:
    file = File(str(tmp_path / "gone" / "a"), b"1")
    payload = Files([file]).payload({"paths": [None], "leftovers": []})
    command = program.program(("files",), {"apply": "files", "payload": payload})
    done = run(argv(command), stdin(command))
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path}/gone/a: there is no folder {tmp_path}/gone on the box\n"


ASKED = [
    ("files", Files([File("/etc/passwd", b"")]).query()),
    ("units", Units([Unit("a.service", watch=("/etc/passwd",))]).query()),
    ("files", Files([File("/nowhere/a", b"")]).query()),
    ("packages", Packages(["no-such-package"]).query()),
]


def asks(command: StringCommand) -> Any:
    done = run(argv(command), stdin(command))
    assert done.returncode == 0, done.stderr
    return answer(done.stdout)


def test_questions_of_several_kinds_are_answered_in_their_order() -> None:
    first, unit, second, packages = asks(program.full_question(ASKED))
    assert first["paths"][0]["type"] == "file"
    assert unit[0]["active"] in ("inactive", "unknown")
    assert second["paths"] == [None]
    assert packages["installed"] == []


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Where the base role puts the programs."""
    shutil.copytree(ROOT / "onbox", tmp_path / "onbox", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def there(command: StringCommand, place: Path) -> list[str]:
    return [word.replace("/usr/local/lib/boxkeeper", str(place)) for word in argv(command)]


def test_installed_programs_answer_the_same_without_an_upload(installed: Path) -> None:
    command = program.question(ASKED)
    assert "_stdin" not in command.connector_arguments
    done = run(there(command, installed))
    assert done.returncode == 0, done.stderr
    assert answer(done.stdout) == asks(program.full_question(ASKED))


@pytest.mark.parametrize("name", ["files", "program", "shell"])
def test_other_programs_than_ours_are_not_asked(installed: Path, name: str) -> None:
    with open(installed / "onbox" / f"{name}.py", "a") as file:
        file.write("raise SystemExit('another version')\n")
    done = run(there(program.question(ASKED), installed))
    assert (done.returncode, done.stdout.strip()) == (0, program.STALE)


def test_a_box_without_programs_says_so(tmp_path: Path) -> None:
    done = run(there(program.question(ASKED), tmp_path))
    assert (done.returncode, done.stdout.strip()) == (0, program.STALE)


def test_a_question_that_is_too_long_for_an_argument_is_uploaded() -> None:
    paths = [f"/{number * 7919 % 1_000_003:x}/{number * number:x}" for number in range(40_000)]
    command = program.question([("files", paths)])
    assert max(map(len, argv(command))) < program._MOST
    assert "_stdin" in command.connector_arguments


@functools.cache
def imports(name: str) -> frozenset[str]:
    """The modules of ours that a module imports at its top, as Python itself reads it."""
    found = set()
    for node in ast.parse((ROOT / "onbox" / f"{name}.py").read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module == "onbox":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("onbox."):
            found.add(str(node.module).removeprefix("onbox."))
        elif isinstance(node, ast.Import):
            assert not [alias for alias in node.names if alias.name.startswith("onbox")], f"{name}: write `from onbox`"
    return frozenset(found)


@pytest.mark.parametrize("kind", KINDS)
def test_a_program_brings_everything_that_it_imports(kind: str) -> None:
    needed, waiting = {"program", "shell"}, {kind}
    while waiting:
        name = waiting.pop()
        needed.add(name)
        waiting |= imports(name) - needed
    assert set(program._with_imports((kind,))) == needed


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("entry", "__main__")])
def test_a_program_that_was_sent_can_be_loaded(kind: str) -> None:
    """With nothing of ours on the box but what was sent."""
    load = program.program((kind,), {"observe": []})
    script = argv(load)
    script[3] = script[3].replace("m['main'](r)", f"m['main'](r);import onbox.{kind}")
    done = run(script, stdin(load))
    assert done.returncode == 0, done.stderr
