"""What somebody asks for one app by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from roles import ROOT
from roles.apps import Folder, Git
from roles.apps.asked import Earlier, Environments, Newest
from roles.apps.release import Live, Release, Rollback
from roles.resources import Files
from tests.roles.apps.test_role import plain, server

URL = "https://example.com/a.git"


def newest(asked: Newest, *apps: object) -> Release:
    (made,) = (each for each in asked.wanted(server(*apps)) if isinstance(each, Release))  # type: ignore[arg-type]
    return made


def test_the_newest_is_asked_for_and_not_pinned() -> None:
    made = newest(Newest("plain"), plain())
    assert (made.asked, made.pin) == (True, False)


def test_a_ref_is_pinned_and_takes_the_place_of_the_inventorys() -> None:
    made = newest(Newest("plain", "v2"), plain(source=Git(url=URL, ref="main")))
    assert (made.asked, made.pin) == (True, True)
    assert made.query()["git"] == {"url": URL, "ref": "v2"}


@pytest.mark.parametrize(
    ("source", "ref", "said"),
    [
        (Folder(path="."), "v2", "plain: its source is a folder of yours, which has no 'v2'; only `Git(...)` has refs"),
        (Git(url=URL), "--upload-pack=x", "plain: Git.ref: '--upload-pack=x' is no branch, tag or commit"),
    ],
)
def test_a_ref_that_can_not_be_one_is_a_line_with_the_apps_name(source: Folder | Git, ref: str, said: str) -> None:
    [objection] = Newest("plain", ref).objections([server(plain(source=source))])
    assert objection.startswith(said), objection


def test_the_app_alone_is_looked_after_and_at_last_whether_it_is_live() -> None:
    made = list(Newest("plain").wanted(server(plain(), plain(name="other", domain="b.example.com"))))
    assert [each.name for each in made if isinstance(each, Files)] == ["plain files"]
    assert isinstance(made[-1], Live)


def test_with_another_environment_each_app_keeps_the_version_that_is_live() -> None:
    apps = (plain(), plain(name="other", domain="b.example.com"))
    made = [each for each in Environments().wanted(server(*apps)) if isinstance(each, Release)]
    assert [(each.app.name, each.kept) for each in made] == [("plain", True), ("other", True)]
    (one,) = (each for each in Environments("other").wanted(server(*apps)) if isinstance(each, Release))
    assert one.app.name == "other"


def test_an_earlier_release_is_a_rollback_and_nothing_else() -> None:
    asked = Earlier("plain", "one").wanted(server(plain(), plain(name="other", domain="b.example.com")))
    assert [(type(each), each.name) for each in asked] == [(Rollback, "plain rollback to one")]


INVENTORY = """
from roles.apps import Git
from roles.apps.ai_note_taker import AiNoteTaker
from roles.server import Server

_apps = (AiNoteTaker(name="notes", domain="a.example.com", source=Git(url="https://example.com/a.git")),)
prod = ([("@local", {"server": Server(host="192.0.2.1", apps=_apps)})], {})
"""
NAMES = "add `--data app=NAME`, one of notes"


@pytest.mark.parametrize(
    ("line", "said"),
    {
        ("release",): f"no app is named: {NAMES}",
        ("release", "app=typo"): f"there is no app called typo: {NAMES}",
        ("rollback", "app=12", "to=one"): f"there is no app called 12: {NAMES}",
        ("rollback", "app=notes"): "add `--data to=RELEASE`; `boxkeeper releases ENV APP` lists those that could be",
    }.items(),
)
def test_words_that_are_wrong_are_one_line_and_nothing_is_changed(
    tmp_path: Path, line: tuple[str, ...], said: str
) -> None:
    (tmp_path / "prod.py").write_text(INVENTORY)
    deploy, *data = line
    words = [word for each in data for word in ("--data", each)]
    done = subprocess.run(
        [Path(sys.executable).with_name("pyinfra"), "prod.py", str(ROOT / "deploys" / f"{deploy}.py"), "-y", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert lines[lines.index("nothing was changed") - 1].startswith(f"--> {said}")
    assert "Traceback" not in done.stderr


def test_a_box_without_the_app_is_asked_for_nothing() -> None:
    assert list(Newest("other").wanted(server(plain()))) == []
    assert list(Earlier("other", "one").wanted(server(plain()))) == []
