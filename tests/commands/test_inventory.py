"""A mistake in the Python of an inventory is one line, like every other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import main
from commands import inventory
from commands.box import servers
from roles import ROOT, Fault

HEAD = """
from roles.redis import Redis
from roles.server import Server, group
"""
MISTAKES = {
    "bad = group(": "'(' was never closed: `bad = group(`",
    "bad = group(Server(host='a', host='b'))": "keyword argument repeated: host",
    "  x = 1": "unexpected indent: `x = 1`",
    "bad = group(Server(host='a', mail=Mail()))": "NameError: name 'Mail' is not defined",
    "bad = group(Server(host='a', apps=(Git(url='b'),)))": (
        "NameError: name 'Git' is not defined; add `from roles.apps import Git`"
    ),
    "import nothing_there": "ModuleNotFoundError: No module named 'nothing_there'",
    "from roles.redis import Rediss": "ImportError: cannot import name 'Rediss' from 'roles.redis'",
    "_x = 1 / 0": "ZeroDivisionError: division by zero",
    "_x = open('/nowhere').read()": "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere'",
}


def up(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    """What `boxkeeper up bad` says to this inventory."""
    known = list(inventory._classes())
    (folder / "inventories").mkdir()
    (folder / "inventories" / "bad.py").write_text(text)
    monkeypatch.setattr(inventory, "ROOT", folder)
    monkeypatch.setattr(inventory, "_classes", lambda: known)
    return CliRunner().invoke(main, ["up", "bad"])


@pytest.mark.parametrize("body", MISTAKES)
def test_a_mistake_in_python_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    result = up(tmp_path, f"{HEAD}\n{body}", monkeypatch)
    place = f"inventories/bad.py line {HEAD.count(chr(10)) + 2}"
    assert result.output.startswith(f"--> {place}: {MISTAKES[body]}")
    assert result.output.count("\n") == 1
    assert result.exit_code == 2


@pytest.mark.parametrize("body", ["bad = [Server(host='192.0.2.1')]", "x = 1"])
def test_an_inventory_that_forgets_its_group_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    result = up(tmp_path, f"{HEAD}\n{body}", monkeypatch)
    assert result.output == "--> inventories/bad.py has no hosts: end it with `bad = group(Server(...))`\n"
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("body", "said"),
    {
        "bad = group(Server(host='a', redis=Rediss()))": "bad.py line 5: NameError: name 'Rediss' is not defined\n",
        "bad = group(": "bad.py line 5: '(' was never closed: `bad = group(`\n",
        "bad = [Server(host='192.0.2.1')]": "bad.py has no hosts: end it with `bad = group(Server(...))`\n",
        "bad = group()": "no hosts: write `group(Server(host=",
    }.items(),
)
def test_plain_pyinfra_says_it_in_one_line_too(tmp_path: Path, body: str, said: str) -> None:
    (tmp_path / "bad.py").write_text(f"{HEAD}\n{body}")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("pyinfra")), str(tmp_path / "bad.py"), "deploys/full.py", "-y"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_who_only_looks_needs_no_secrets_and_is_told_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "prod.py"
    path.write_text(
        f"{HEAD}\nfrom roles.backups import Backups\nprod = group(Server(host='192.0.2.1', backups=Backups()))"
    )
    (box,) = servers(str(path))
    assert not box.keeps("backups/key")
    assert list(tmp_path.iterdir()) == [path], "nothing was made"
    path.write_text(f"{HEAD}\nprod = group(Server(host='192.0.2.1'), Server(host='192.0.2.1'))")
    with pytest.raises(SystemExit, match="2"):
        servers(str(path))
    assert "Server 192.0.2.1: is there 2 times" in capsys.readouterr().err


def test_a_mistyped_path_is_one_line_with_those_that_are_there() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("pyinfra")), "inventories/prd.py", "deploys/full.py", "-y"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("--> inventories/prd.py is not there (known: docker, ")


def test_what_is_no_deploy_of_ours_takes_any_inventory(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("bad = ['@local']")
    assert inventory.refusal(str(tmp_path / "bad.py"), ["exec"]) is None
    assert inventory.refusal("@local", ["deploys/full.py"]) is None


def test_the_demos_inventory_without_its_target_says_what_makes_one() -> None:
    pyinfra = str(Path(sys.executable).with_name("pyinfra"))
    done = subprocess.run(
        [pyinfra, "inventories/docker.py", "deploys/full.py", "-y"],
        cwd=ROOT,
        env={**os.environ, "BOXKEEPER_TARGET": "none-of-ours"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "there is no target yet: `./boxkeeper demo` makes one" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_inventory_that_is_not_there_is_one_line_with_those_that_are() -> None:
    with pytest.raises(Fault) as fault:
        inventory.inventory_of("nope")
    assert str(fault.value).startswith("inventories/nope.py is not there (known: docker")
    assert str(fault.value).endswith("): run `boxkeeper init nope`")


@pytest.mark.parametrize("odd", ["", "/etc/passwd", "prød", "../prod"])
def test_what_can_be_no_environment_is_not_suggested(odd: str) -> None:
    with pytest.raises(Fault, match=r"is no environment \(known: docker, .*\)$"):
        inventory.inventory_of(odd)


def test_an_inventory_that_is_elsewhere_is_called_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "prod.py").touch()
    monkeypatch.setenv("BOXKEEPER_FROM", str(tmp_path))
    assert inventory.inventory_of("prod.py") == str(tmp_path / "prod.py")
    assert inventory.inventory_of(str(tmp_path / "prod.py")) == str(tmp_path / "prod.py")
    with pytest.raises(Fault, match=r"other\.py is not there"):
        inventory.inventory_of("other.py")


@pytest.mark.parametrize(
    ("body", "said"),
    {
        "bad = group()": "--> no hosts: write `group(Server(host=",
        "bad = group([Server(host='192.0.2.1')])": "--> group: takes `Server(...)`, one after the other, and was",
    }.items(),
)
def test_a_group_of_nobody_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], body: str, said: str) -> None:
    (tmp_path / "bad.py").write_text(HEAD + body)
    with pytest.raises(SystemExit) as ended:
        inventory.check(str(tmp_path / "bad.py"))
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
