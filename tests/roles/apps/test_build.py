"""Builds: what npm does, on the box or here."""

from __future__ import annotations

import io
import os
import tarfile
from base64 import b64decode
from pathlib import Path
from typing import ClassVar

import pytest

from roles import ROOT, Fault
from roles.apps import App, Folder, Frontend, Node, Process, source
from roles.apps.ai_note_taker import AiNoteTaker
from roles.apps.build import here, npm


class Api(App):
    title: ClassVar[str] = "API"
    runtime: ClassVar[Node] = Node(directory="server", build="npm run build")
    frontend: ClassVar[Frontend] = Frontend(directory="web")
    processes: ClassVar[tuple[Process, ...]] = (Process("web", "npm start"),)


@pytest.fixture
def api(tmp_path: Path) -> Api:
    for name in ("server/package.json", "web/package.json", "server/index.js"):
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / name).write_text("{}")
    return Api(name="api", domain="a.example.com", source=Folder(path=str(tmp_path / "source")), build_on="here")


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An npm that writes down what it was asked, where, and with which variable; it fails where a file says so."""
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\necho "$*" >>asked; echo "$COLOUR" >made; mkdir -p node_modules\n'
        'if [ -f broken ]; then echo "line 3: unexpected {" >&2; exit 4; fi\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


def folder(app: App) -> Path:
    assert isinstance(app.source, Folder)
    return Path(app.source.path)


def test_what_is_built_here_is_a_copy_and_knows_the_variables(api: Api, fake: Path) -> None:
    with here(api, folder(api), {"COLOUR": "green"}) as built:
        assert (built / "server" / "asked").read_text() == "install\nrun build\n"
        assert (built / "server" / "made").read_text() == "green\n"
        assert (built / "server" / "node_modules").is_dir(), "the runtime needs its packages"
        assert not (built / "web" / "node_modules").exists(), "a page that is built needs none"
        names = [str(name) for name in source.everything(built)]
    assert "server/asked" in names
    assert not built.exists()
    assert not (folder(api) / "server" / "asked").exists()


def test_a_lock_file_is_kept_to(api: Api, fake: Path) -> None:
    (folder(api) / "server" / "package-lock.json").write_text("{}")
    with here(api, folder(api), {}) as built:
        assert (built / "server" / "asked").read_text().startswith("ci\n")


def test_a_build_that_fails_here_ends_with_its_own_last_lines(api: Api, fake: Path) -> None:
    (folder(api) / "web" / "broken").touch()
    said = r"(?s)api: `cd web && .*` failed here with exit code 4\n  line 3: unexpected {"
    with pytest.raises(Fault, match=said), here(api, folder(api), {}):
        raise AssertionError("it was built")


def test_a_machine_without_npm_is_told_what_to_install(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Fault, match=r"needs npm on this machine: install Node\.js"), here(api, folder(api), {}):
        raise AssertionError("it was built")


def test_a_page_in_the_runtimes_own_folder_is_installed_once(tmp_path: Path) -> None:
    class Whole(Api):
        runtime: ClassVar[Node] = Node()
        frontend: ClassVar[Frontend] = Frontend()

    steps = npm(Whole(name="whole", domain="a.example.com", source=Folder(path=str(tmp_path))))
    assert [step.partition("&& ")[2][:7] for step in steps] == ["if [ -f", "npm run"]
    assert "rm -rf" not in "".join(steps)


@pytest.mark.target
def test_the_real_npm_builds_here_what_the_box_would(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{node}:{os.environ['PATH']}")
    notes = ROOT / "examples" / "ai_note_taker"
    app = AiNoteTaker(domain="notes.example.com", source=Folder(path=str(notes)), build_on="here")
    with here(app, notes, {}) as built:
        packed = io.BytesIO(b64decode(source.archive(built, source.everything(built))))
    with tarfile.open(fileobj=packed) as tar:
        names = tar.getnames()
    assert "build/index.html" in names
    assert "backend/main.py" in names
    assert not [name for name in names if name.startswith("node_modules")]
