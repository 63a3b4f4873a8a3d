"""Releases, as far as they need no systemd: what is found, where it points, what is kept, what is unpacked."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from onbox import releases
from onbox.shell import Failed

NAMES = [f"2026010{day}T000000Z-abcdefgh" for day in range(1, 10)]


@pytest.fixture(autouse=True)
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folders of an app called `app`, and systemd out of reach."""
    monkeypatch.setattr(releases, "APPS", str(tmp_path / "srv"))
    monkeypatch.setattr(releases, "STATE", str(tmp_path / "state"))
    (tmp_path / "srv" / "app" / "releases").mkdir(parents=True)
    (tmp_path / "state" / "app").mkdir(parents=True)
    return tmp_path


def add(box: Path, name: str, record: bool = True) -> Path:
    folder = box / "srv" / "app" / "releases" / name
    folder.mkdir()
    (folder / "main.py").write_text(name)
    if record:
        releases._record("app", name, {"source": name, "git": None, "recipe": "r"})
    return folder


def current(box: Path, folder: Path) -> None:
    releases._point(str(box / "srv" / "app" / "current"), str(folder))


def kept(box: Path) -> list[str]:
    return sorted(path.name for path in (box / "srv" / "app" / "releases").iterdir())


def test_what_is_live_is_what_current_points_to(box: Path) -> None:
    assert releases.live("app") is None
    add(box, NAMES[1])
    current(box, add(box, NAMES[0]))
    assert releases.live("app")["source"] == NAMES[0]


def test_a_release_without_its_record_is_not_live(box: Path) -> None:
    """It was cut off before it was known to be healthy."""
    current(box, add(box, NAMES[0], record=False))
    assert releases.live("app") is None


@pytest.mark.parametrize("text", ["", "{", "\xff"])
def test_a_record_that_is_torn_is_none(box: Path, text: str) -> None:
    current(box, add(box, NAMES[0]))
    (box / "state" / "app" / f"{NAMES[0]}.json").write_bytes(text.encode("latin-1"))
    assert releases.live("app") is None


def test_a_box_without_the_app_is_found_so() -> None:
    (found,) = releases.observe([{"app": "other", "git": None}])
    assert found == {"source": None, "recipe": None, "running": False, "commit": None}


def test_a_link_is_moved_in_one_step_also_over_one_that_was_cut_off(box: Path) -> None:
    link = box / "srv" / "app" / "current"
    (box / "srv" / "app" / "current.new").symlink_to("nowhere")
    releases._point(str(link), "a")
    releases._point(str(link), "b")
    assert os.readlink(link) == "b"
    assert not os.path.lexists(f"{link}.new")


def test_the_one_to_go_back_to_is_the_newest_that_was_healthy(box: Path) -> None:
    assert releases._newest("app") is None
    for name in NAMES[:3]:
        add(box, name)
    add(box, NAMES[3], record=False)
    (box / "state" / "app" / f"{NAMES[4]}.json.new").touch()  # a record that was cut off
    (box / "state" / "app" / "outcome").touch()
    assert releases._newest("app") == str(box / "srv" / "app" / "releases" / NAMES[2])


def test_what_a_cut_off_release_left_is_swept_but_never_what_is_live(box: Path) -> None:
    add(box, NAMES[0])
    add(box, NAMES[1], record=False)
    current(box, add(box, NAMES[2], record=False))
    releases._sweep("app")
    assert kept(box) == [NAMES[0], NAMES[2]]


def test_the_newest_five_are_kept_and_always_the_live_one(box: Path) -> None:
    folders = [add(box, name) for name in NAMES]
    current(box, folders[0])
    releases._prune("app")
    assert kept(box) == [NAMES[0], *NAMES[5:]]
    records = sorted(path.name for path in (box / "state" / "app").glob("*.json"))
    assert records == [f"{name}.json" for name in kept(box)]


def test_with_fewer_nothing_is_pruned(box: Path) -> None:
    for name in NAMES[:5]:
        folder = add(box, name)
    current(box, folder)
    releases._prune("app")
    assert len(kept(box)) == 5


def archive(*entries: tuple[tarfile.TarInfo, bytes]) -> dict[str, Any]:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for entry, content in entries:
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return {"archive": base64.b64encode(packed.getvalue()).decode()}


def test_a_source_is_unpacked(tmp_path: Path) -> None:
    releases._unpack(archive((tarfile.TarInfo("a/b.txt"), b"1")), str(tmp_path / "to"))
    assert (tmp_path / "to" / "a" / "b.txt").read_text() == "1"


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", "a/../../outside"])
def test_a_source_that_would_write_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Failed, match="which points outside of it"):
        releases._unpack(archive((tarfile.TarInfo(name), b"1")), str(tmp_path / "to"))
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
        git("commit", "--quiet", "--allow-empty", "--message", branch)
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
    assert releases._commit({"url": str(repository), "ref": ref}) == commits[branch]


def test_a_full_commit_is_not_asked_for() -> None:
    assert releases._commit({"url": "/nowhere", "ref": "a" * 40}) == "a" * 40


@pytest.mark.parametrize("ref", ["mian", "ma", "ain", "refs/heads/nope"])
def test_a_ref_that_nobody_knows_is_none(repository: Path, ref: str) -> None:
    assert releases._commit({"url": str(repository), "ref": ref}) is None


def test_a_repository_that_cannot_be_reached_is_none() -> None:
    assert releases._commit({"url": "/nowhere", "ref": "main"}) is None


def test_a_release_of_nothing_says_what_was_not_found() -> None:
    with pytest.raises(Failed, match="app: mian is not found at /nowhere: no branch, tag or full commit is called so"):
        releases.apply({"app": "app", "source": None, "git": {"url": "/nowhere", "ref": "mian"}})


@pytest.fixture
def run(box: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make the steps that need systemd or an app's user into lines. A step in `fails` fails."""
    lines: list[str] = []

    def sh(argv: Sequence[str], **_: object) -> str:
        lines.append(" ".join(argv[:2]))
        return ""

    def once(unit: str) -> None:
        lines.append(unit)
        if (box / "fails").exists() and (box / "fails").read_text() == unit:
            raise Failed(f"{unit} failed")

    def start(spec: Any) -> None:
        lines.append(f"start {os.path.basename(os.readlink(box / 'srv' / 'app' / 'current'))[17:]}")
        if (box / "fails").exists() and (box / "fails").read_text() == "health" and lines[-1] != "start old":
            raise Failed("GET /: 500")

    monkeypatch.setattr(releases, "sh", sh)
    monkeypatch.setattr(releases, "_unit_once", once)
    monkeypatch.setattr(releases, "_start", start)
    return lines


def release(box: Path, source: str = "abcdefghijkl") -> None:
    spec = {
        **archive((tarfile.TarInfo("main.py"), b"1")),
        **{"app": "app", "source": source, "git": None, "recipe": "r", "health": None},
        **{"build": "app-build.service", "before": ["app-release.service"], "units": [{"name": "app-web.service"}]},
    }
    (box / "state" / "app" / "next.json").write_text(json.dumps(spec))
    releases.run("app")


def test_a_release_is_built_beside_the_old_one_and_then_live(box: Path, run: list[str]) -> None:
    release(box)
    assert run[-3:] == ["app-build.service", "app-release.service", "start abcdefgh"]
    assert releases.live("app")["source"] == "abcdefghijkl"
    assert (box / "state" / "app" / "outcome").read_text() == "live"
    assert not (box / "state" / "app" / "next.json").exists()
    assert not os.path.lexists(box / "srv" / "app" / "next")


@pytest.mark.parametrize("step", ["app-build.service", "app-release.service"])
def test_a_build_that_fails_leaves_what_is_live(box: Path, run: list[str], step: str) -> None:
    old = add(box, f"{NAMES[0][:17]}old")
    current(box, old)
    (box / "fails").write_text(step)
    with pytest.raises(Failed, match=f"{step} failed"):
        release(box)
    assert os.readlink(box / "srv" / "app" / "current") == str(old)
    assert (box / "state" / "app" / "outcome").read_text() == f"{step} failed"


def test_a_release_that_does_not_get_healthy_is_taken_back(box: Path, run: list[str]) -> None:
    old = add(box, f"{NAMES[0][:17]}old")
    current(box, old)
    (box / "fails").write_text("health")
    with pytest.raises(Failed, match=r"did not get healthy; the release before it is back\nGET /: 500"):
        release(box)
    assert os.readlink(box / "srv" / "app" / "current") == str(old)
    assert run[-2:] == ["start abcdefgh", "start old"]
    assert kept(box) == [old.name]


def test_a_first_release_that_does_not_get_healthy_leaves_nothing_live(box: Path, run: list[str]) -> None:
    (box / "fails").write_text("health")
    with pytest.raises(Failed, match="nothing is live"):
        release(box)
    assert run[-1] == "systemctl stop"
    assert not os.path.lexists(box / "srv" / "app" / "current")
    assert kept(box) == []


def test_a_full_disk_is_said_and_leaves_what_is_live(
    box: Path, run: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = add(box, f"{NAMES[0][:17]}old")
    current(box, old)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(releases, "_unpack", full)
    with pytest.raises(Failed, match="No space left on device"):
        release(box)
    assert "No space left" in (box / "state" / "app" / "outcome").read_text()
    assert os.readlink(box / "srv" / "app" / "current") == str(old)
