"""Pulling models from the stand-in, which is started here: what is said, and what is tried again."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from onbox import ollama
from onbox.shell import Failed
from roles import ROOT


def standin() -> Any:
    spec = importlib.util.spec_from_file_location("standin", ROOT / "examples" / "ollama_standin" / "ollama.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Quiet(ThreadingHTTPServer):
    """A client that hangs up in the middle, as some of these tests do, is nothing to talk about."""

    def handle_error(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    module = standin()
    module.Handler.shelf = module.Shelf(tmp_path)
    module.Handler.log_message = lambda *arguments: None
    listening = Quiet(("127.0.0.1", 0), module.Handler)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    monkeypatch.setattr(ollama, "ADDRESS", ("127.0.0.1", listening.server_port))
    monkeypatch.setattr("onbox.ollama.time.sleep", lambda seconds: None)
    try:
        yield module
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def found() -> Any:
    return ollama.observe([None])[0]


def test_where_nothing_answers_no_model_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ollama, "ADDRESS", ("127.0.0.1", 1))
    assert found() is None


def test_a_model_is_pulled_and_then_there(server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ollama.pull("mistral:7b")
    assert found() == ["mistral:7b"]
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "mistral:7b: pulling manifest"
    assert said[-1] == "mistral:7b: success"
    assert any("50%" in line for line in said)
    assert len(said) < 20


def test_what_is_there_is_not_pulled_again(server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ollama.pull("mistral:7b")
    capsys.readouterr()
    ollama.pull("mistral:7b")
    assert capsys.readouterr().out == ""


def test_a_model_that_nobody_has_is_not_tried_again(server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Failed, match="none:7b: Ollama's library has no model of that name"):
        ollama.pull("none:7b")
    assert capsys.readouterr().out.count("pulling manifest") == 1


@pytest.mark.parametrize("ending", [[], [{"error": "dial tcp: lookup registry: no such host"}]])
def test_a_pull_that_breaks_off_is_tried_again(server: Any, monkeypatch: pytest.MonkeyPatch, ending: list[Any]) -> None:
    real, tries = server.Shelf.pull, []

    def broken(self: Any, model: str) -> Iterator[Any]:
        tries.append(model)
        return real(self, model) if len(tries) == 3 else iter([{"status": "pulling manifest"}, *ending])

    monkeypatch.setattr(server.Shelf, "pull", broken)
    ollama.pull("mistral:7b")
    assert len(tries) == 3
    assert found() == ["mistral:7b"]


def test_one_that_never_ends_well_is_said_with_its_reason(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.Shelf, "pull", lambda self, model: iter([{"error": "no space left on device"}]))
    with pytest.raises(Failed, match="mistral:7b can't be pulled: no space left on device; what is here of it stays"):
        ollama.pull("mistral:7b")
