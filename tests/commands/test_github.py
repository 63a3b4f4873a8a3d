"""The workflow that `boxkeeper init github APP` writes: right by GitHub's schema, and safe by a linter of workflows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli import main
from commands import github, inventory
from roles import ROOT, Fault
from roles.apps import App, Folder, Git
from roles.apps.ai_note_taker import AiNoteTaker
from roles.apps.pair_cam import PairCam
from roles.server import Login, Server

HOSTS = ["203.0.113.10 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4l5cUBbUdaQCUM8Xb0hQ1y7sXCOoYHzIUYkCEFwEYc"]


LINTERS = (
    ("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
    ("zizmor", "--offline", "--no-progress", "--quiet"),
)


def lint(linter: tuple[str, ...], file: Path) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name(linter[0]))
    return subprocess.run([program, *linter[1:], str(file)], capture_output=True, text=True, check=False)


def server(app: App, **more: Any) -> Server:
    return Server(host="203.0.113.10", apps=(app,), **more)


def pair_cam(url: str = "https://github.com/you/pair-cam.git") -> PairCam:
    return PairCam(domain="cam.example.com", source=Git(url=url, ref="stable"))


def notes() -> AiNoteTaker:
    return AiNoteTaker(domain="notes.example.com", source=Folder(path=str(ROOT / "examples" / "ai_note_taker")))


def lines(app: App) -> list[str]:
    return [line.strip() for line in github.workflow("prod", server(app), app, HOSTS).decode().splitlines()]


@pytest.mark.parametrize("app", [pair_cam(), notes()], ids=["git", "folder"])
@pytest.mark.parametrize("linter", LINTERS, ids=["schema", "linter"])
def test_a_linter_finds_nothing_wrong(app: App, linter: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / ".github" / "workflows" / "release.yml"
    file.parent.mkdir(parents=True)
    file.write_bytes(github.workflow("prod", server(app), app, HOSTS))
    done = lint(linter, file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_linters_find_what_is_wrong(tmp_path: Path) -> None:
    """Else the test above could not fail."""
    app = pair_cam()
    text = github.workflow("prod", server(app), app, HOSTS).decode()
    file = tmp_path / ".github" / "workflows" / "release.yml"
    file.parent.mkdir(parents=True)
    for linter, old, new in ((LINTERS[0], "runs-on:", "run-on:"), (LINTERS[1], '"$REF"', "${{ inputs.ref }}")):
        file.write_text(text.replace(old, new))
        assert lint(linter, file).returncode != 0


def test_it_does_what_pair_cams_document_asks(tmp_path: Path) -> None:
    said = lines(pair_cam())
    for step in ("npm run lint --if-present", "npm run typecheck --if-present", "npm test --if-present"):
        assert f"run: {step}" in said
    assert 'run: ./boxkeeper release prod pair-cam ${REF:+--ref "$REF"}' in said
    assert [line.rpartition("cam.example.com")[2] for line in said if "cam.example.com/" in line] == [
        "/api/health",
        "/health",
    ]
    assert "repository: you/pair-cam" in said
    assert HOSTS[0] in said
    assert "NOTIFY_URL: ${{ secrets.NOTIFY_URL }}" in said


def test_a_source_in_this_repository_is_tested_where_it_is() -> None:
    said = lines(notes())
    assert "working-directory: examples/ai_note_taker/backend" in said
    assert "working-directory: examples/ai_note_taker" in said
    assert "run: ./boxkeeper release prod ai-note-taker" in said
    assert not any("inputs.ref" in line for line in said)


def test_a_source_that_a_workflow_can_not_have_is_refused(tmp_path: Path) -> None:
    away = AiNoteTaker(domain="notes.example.com", source=Folder(path=str(tmp_path)))
    with pytest.raises(Fault, match="is not in this repository"):
        github.workflow("prod", server(away), away, HOSTS)
    elsewhere = pair_cam("https://git.example.com/a/b.git")
    with pytest.raises(Fault, match="is not at GitHub"):
        github.workflow("prod", server(elsewhere), elsewhere, HOSTS)


def test_only_host_keys_that_this_machine_knows_are_pinned(tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(
        HOSTS[0] + "\n" + HOSTS[0].replace("203.0.113.10", "[203.0.113.10]:2222") + "\nother" + HOSTS[0][12:]
    )
    login = Login(known_hosts=str(known))
    assert github.known_hosts(server(notes(), login=login)) == HOSTS
    known.write_text("")
    with pytest.raises(Fault, match=r"log in once, `ssh root@203\.0\.113\.10`"):
        github.known_hosts(server(notes(), login=login))


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "inventories").mkdir()
    (tmp_path / "known").write_text(HOSTS[0] + "\n")
    (tmp_path / "inventories" / "prod.py").write_text(
        "from roles.apps import Git\nfrom roles.apps.pair_cam import PairCam\n"
        "from roles.server import Login, Server, group\n"
        f"prod = group(Server(host='203.0.113.10', login=Login(known_hosts='{tmp_path}/known'),"
        " apps=(PairCam(domain='cam.example.com', source=Git(url='https://github.com/you/cam.git')),)))\n"
    )
    monkeypatch.setattr(github, "ROOT", tmp_path)
    monkeypatch.setattr(inventory, "ROOT", tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["init", "github", *arguments])


def test_it_is_written_once_and_left_alone_then(house: Path) -> None:
    assert run("pair-cam").exit_code == 0
    file = house / ".github" / "workflows" / "release-pair-cam.yml"
    file.write_text("mine")
    again = run("pair-cam")
    assert again.exit_code == 2
    assert "is there already and is left as it is" in again.output
    assert file.read_text() == "mine"


def test_an_inventory_that_is_not_edited_yet_is_one_line(house: Path) -> None:
    path = house / "inventories" / "prod.py"
    path.write_text(path.read_text().replace("203.0.113.10", ""))
    done = run("pair-cam")
    assert done.exit_code == 2
    assert "inventories/prod.py: " in done.output
    assert "host" in done.output


@pytest.mark.parametrize(
    ("typed", "said"), [((), "which app?"), (("nobody",), "prod has no app called nobody; there is pair-cam")]
)
def test_a_mistake_is_one_line(house: Path, typed: tuple[str, ...], said: str) -> None:
    done = run(*typed)
    assert done.exit_code == 2
    assert said in done.output
