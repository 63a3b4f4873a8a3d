"""`boxkeeper init` writes an inventory that is right but for the three lines that are yours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import main
from commands import init, inventory
from roles import ROOT

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4l5cUBbUdaQCUM8Xb0hQ1y7sXCOoYHzIUYkCEFwEYc you@laptop"


@pytest.fixture(autouse=True)
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to write into, and a home with a key."""
    (tmp_path / "inventories").mkdir()
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519.pub").write_text(f"{KEY}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(init, "ROOT", tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["init", *arguments])


def test_it_writes_an_inventory_and_says_what_is_next(house: Path) -> None:
    result = run("prod")
    assert result.exit_code == 0
    assert (house / "inventories" / "prod.py").exists()
    assert "$EDITOR inventories/prod.py" in result.output
    assert "./boxkeeper secrets set prod ai-note-taker/DEEPGRAM_API_KEY" in result.output
    assert ".venv/bin/pyinfra inventories/prod.py deploys/full.py" in result.output


def test_exactly_three_lines_are_marked(house: Path) -> None:
    run("prod")
    lines = (house / "inventories" / "prod.py").read_text().splitlines()
    marks = [line.strip()[2:4] for line in lines if line.strip().startswith(("# 1.", "# 2.", "# 3."))]
    assert marks == ["1.", "2.", "3."]


def test_unedited_it_is_refused_for_those_lines_and_the_missing_secrets(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("prod")
    (house / ".ssh" / "id_ed25519.pub").unlink()
    with pytest.raises(SystemExit):
        inventory.check(str(house / "inventories" / "prod.py"))
    said = [line.partition(":")[0] for line in capsys.readouterr().err.splitlines() if line.startswith("--> ")]
    keys = [f"--> ai-note-taker needs secret {name}_API_KEY" for name in ("DEEPGRAM", "GEMINI")]
    assert sorted(said) == ["--> AiNoteTaker.domain", "--> Server.host", "--> Ssh.keys", *keys]


def test_edited_only_the_secrets_are_missing(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("prod")
    path = house / "inventories" / "prod.py"
    text = path.read_text().replace('host=""', 'host="192.0.2.1"').replace('domain=""', 'domain="notes.example.com"')
    path.write_text(text)
    with pytest.raises(SystemExit):
        inventory.check(str(path))
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("--> ")]
    assert len(said) == 2
    assert all("run `boxkeeper secrets set prod ai-note-taker/" in line for line in said)


def test_it_type_checks_and_is_formatted(house: Path) -> None:
    run("prod")
    path = str(house / "inventories" / "prod.py")
    for tool in (["mypy", path], ["ruff", "check", path], ["ruff", "format", "--check", path]):
        done = subprocess.run([sys.executable, "-m", *tool], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_there_is_never_overwritten(house: Path) -> None:
    (house / "inventories" / "prod.py").write_text("mine")
    result = run("prod")
    assert result.exit_code == 2
    assert result.output == "--> inventories/prod.py is there already and is left as it is: edit it\n"
    assert (house / "inventories" / "prod.py").read_text() == "mine"


@pytest.mark.parametrize("env", ["docker", "all", "group", "class", "Prod", "my-prod", "../prod", "", "1st", "a" * 40])
def test_a_name_that_can_be_none_is_refused(house: Path, env: str) -> None:
    result = run(env)
    assert result.exit_code == 2
    assert result.output.startswith("--> ")
    assert result.output.count("\n") == 1
    assert list((house / "inventories").iterdir()) == []
