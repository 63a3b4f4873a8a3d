"""The source of an app on the box: what a ref means, and what is unpacked."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from onbox import source
from onbox.shell import Failed
from tests.onbox.box import archive


def test_a_source_is_unpacked(tmp_path: Path) -> None:
    source.unpack({"archive": archive(("a/b.txt", b"1"))}, str(tmp_path / "to"))
    assert (tmp_path / "to" / "a" / "b.txt").read_text() == "1"


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", "a/../../outside"])
def test_a_source_that_would_write_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Failed, match="which points outside of it"):
        source.unpack({"archive": archive((name, b"1"))}, str(tmp_path / "to"))
    assert not (tmp_path / "outside").exists()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository in which names end in one another."""
    path = tmp_path / "repository"

    def git(*arguments: str) -> str:
        who = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        line = ["git", *who, "-C", str(path), *arguments]
        return subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()

    path.mkdir()
    git("init", "--quiet", "--initial-branch", "main")
    commits = {}
    for branch in ("main", "feature/main", "zz/main"):
        git("checkout", "--quiet", "-B", branch)
        (path / "branch").write_text(branch)
        git("add", "branch")
        git("commit", "--quiet", "--message", branch)
        commits[branch] = git("rev-parse", "HEAD")
    git("tag", "v1", commits["main"])
    git("tag", "--annotate", "--message", "x", "v2", commits["feature/main"])
    (tmp_path / "commits").write_text(json.dumps(commits))
    return path


@pytest.mark.parametrize(
    ("ref", "branch"), {"main": "main", "feature/main": "feature/main", "v1": "main", "v2": "feature/main"}.items()
)
def test_a_ref_is_the_commit_that_it_means_now(repository: Path, ref: str, branch: str) -> None:
    commits = json.loads((repository.parent / "commits").read_text())
    assert source.commit({"url": str(repository), "ref": ref}) == commits[branch]


def test_a_full_commit_is_not_asked_for() -> None:
    assert source.commit({"url": "/nowhere", "ref": "a" * 40}) == "a" * 40


@pytest.mark.parametrize("ref", ["mian", "ma", "ain", "refs/heads/nope"])
def test_a_ref_that_nobody_knows_is_none(repository: Path, ref: str) -> None:
    assert source.commit({"url": str(repository), "ref": ref}) is None


def test_a_repository_that_cannot_be_reached_is_none() -> None:
    assert source.commit({"url": "/nowhere", "ref": "main"}) is None


def test_a_repository_is_asked_once_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the release, and by what looks after how it ended."""
    asked: list[object] = []
    really = subprocess.run

    def run(*given: object, **more: object) -> object:
        asked.append(given)
        return really(["true"], capture_output=True, text=True, check=False)

    monkeypatch.setattr(subprocess, "run", run)
    git = {"url": "/nowhere/once", "ref": "main"}
    assert source.commit(git) is source.commit(git) is None
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    {
        "git@a.example.com: Permission denied (publickey).\nfatal: Could not read from remote repository.\n\n"
        "Please make sure you have the correct access rights\nand the repository exists.\n": (
            "git@a.example.com: Permission denied (publickey)."
        ),
        "@@@\nHost key verification failed.\nfatal: Could not read from remote repository.\n": (
            "Host key verification failed."
        ),
        "fatal: unable to access 'https://a.example.com/': no route\n": (
            "fatal: unable to access 'https://a.example.com/': no route"
        ),
        "": "git: exit code 128",
    }.items(),
)
def test_why_a_repository_cannot_be_read_is_one_line(said: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = subprocess.CompletedProcess([], 128, stdout="", stderr=said)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: refused)
    assert source.refusal("ssh://a.example.com/a", "ssh") == reason


def test_a_repository_that_can_be_read_is_not_refused(repository: Path) -> None:
    assert source.refusal(str(repository), None) == ""


def test_a_commit_of_a_repository_is_unpacked(repository: Path, tmp_path: Path) -> None:
    commit = json.loads((tmp_path / "commits").read_text())["feature/main"]
    (tmp_path / "to").mkdir()
    url = f"file://{repository}"
    source.unpack({"archive": None, "git": {"url": url}, "source": commit}, str(tmp_path / "to"))
    assert (tmp_path / "to" / "branch").read_text() == "feature/main"
