"""A source: which files belong to it, the same identity for the same files, and an archive that unpacks to them."""

from __future__ import annotations

import base64
import io
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from roles import Fault
from roles.apps import source

SAFELY: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
"""Python 3.11.4 and later; a Debian 12 has 3.11.2."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small source: text, a program, an empty file, a folder in a folder, a link."""
    folder = tmp_path / "source"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "deep.txt").write_text("deep")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "empty").touch()
    (folder / "link").symlink_to("a/b/deep.txt")
    return folder


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run(["git", *who, "-C", str(folder), *arguments], check=True, capture_output=True)


def names(folder: Path) -> list[str]:
    return [str(name) for name in source.files(folder)]


def unpacked(folder: Path) -> tarfile.TarFile:
    return tarfile.open(fileobj=io.BytesIO(base64.b64decode(source.archive(folder, source.files(folder)))), mode="r:gz")


def test_without_git_all_files_belong_to_it(folder: Path) -> None:
    assert names(folder) == ["a/b/deep.txt", "empty", "link", "run.sh"]


@pytest.mark.parametrize("left_out", sorted(source.LEFT_OUT))
def test_what_the_box_makes_anew_does_not(folder: Path, left_out: str) -> None:
    before = source.identity(folder)
    (folder / "a" / left_out).mkdir()
    (folder / "a" / left_out / "x").write_text("1")
    assert source.identity(folder) == before


def test_with_git_it_is_what_git_would_track(folder: Path) -> None:
    git(folder, "init", "--quiet")
    (folder / ".gitignore").write_text("*.log\nempty\n")
    (folder / "debug.log").touch()
    git(folder, "add", "run.sh", "link")
    assert names(folder) == [".gitignore", "a/b/deep.txt", "link", "run.sh"]


def test_a_file_that_was_removed_since_it_was_added_is_none(folder: Path) -> None:
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    (folder / "empty").unlink()
    assert "empty" not in names(folder)


def test_a_folder_of_a_repository_is_that_folder_alone(folder: Path) -> None:
    git(folder, "init", "--quiet")
    assert names(folder / "a") == ["b/deep.txt"]


def test_a_folder_that_an_outer_repository_ignores_is_not_empty(folder: Path) -> None:
    git(folder.parent, "init", "--quiet")
    (folder.parent / ".gitignore").write_text("source\n")
    assert names(folder) == ["a/b/deep.txt", "empty", "link", "run.sh"]


def test_the_same_files_are_the_same_source(folder: Path, tmp_path: Path) -> None:
    before = source.identity(folder)
    os.utime(folder / "run.sh", (0, 0))
    (folder / "empty").chmod(0o600)  # which bits others have is the box's business
    folder.rename(tmp_path / "elsewhere")
    assert source.identity(tmp_path / "elsewhere") == before


def test_git_or_not_is_the_same_source(folder: Path) -> None:
    before = source.identity(folder)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "x")
    assert source.identity(folder) == before


def change_content(folder: Path) -> None:
    (folder / "run.sh").write_text("#!/bin/sh\n\n")


def change_mode(folder: Path) -> None:
    (folder / "run.sh").chmod(0o644)


def change_name(folder: Path) -> None:
    (folder / "empty").rename(folder / "full")


def change_link(folder: Path) -> None:
    (folder / "link").unlink()
    (folder / "link").symlink_to("run.sh")


def link_becomes_file(folder: Path) -> None:
    (folder / "link").unlink()
    (folder / "link").write_text("a/b/deep.txt")


def add_file(folder: Path) -> None:
    (folder / "a" / "new").touch()


def remove_file(folder: Path) -> None:
    (folder / "empty").unlink()


@pytest.mark.parametrize(
    "change", [change_content, change_mode, change_name, change_link, link_becomes_file, add_file, remove_file]
)
def test_any_difference_is_another_source(folder: Path, change: object) -> None:
    before = source.identity(folder)
    assert callable(change)
    change(folder)
    assert source.identity(folder) != before


def test_names_that_are_no_text_are_names_too(folder: Path) -> None:
    with open(os.path.join(os.fsencode(folder), b"\xff.txt"), "wb") as file:
        file.write(b"1")
    assert source.identity(folder)
    with unpacked(folder) as tar:
        assert os.fsdecode(b"\xff.txt") in tar.getnames()


def test_the_archive_holds_the_files_with_our_modes_and_nobody_elses_traces(folder: Path, tmp_path: Path) -> None:
    (folder / "empty").chmod(0o600)
    with unpacked(folder) as tar:
        entries = {entry.name: entry for entry in tar.getmembers()}
        tar.extractall(tmp_path / "box", **SAFELY)
    assert list(entries) == names(folder)
    assert {name: entry.mode for name, entry in entries.items() if entry.isreg()} == {
        "a/b/deep.txt": 0o644,
        "empty": 0o644,
        "run.sh": 0o755,
    }
    assert {(entry.uid, entry.gid, entry.uname, entry.mtime) for entry in entries.values()} == {(0, 0, "root", 0)}
    assert source.identity(tmp_path / "box") == source.identity(folder)


def test_the_same_source_is_the_same_archive(folder: Path) -> None:
    before = source.archive(folder, source.files(folder))
    os.utime(folder / "run.sh", (0, 0))
    assert source.archive(folder, source.files(folder)) == before


def test_two_names_of_one_file_both_arrive(folder: Path, tmp_path: Path) -> None:
    os.link(folder / "run.sh", folder / "again.sh")
    with unpacked(folder) as tar:
        tar.extractall(tmp_path / "box", **SAFELY)
    assert (tmp_path / "box" / "again.sh").read_text() == (tmp_path / "box" / "run.sh").read_text() == "#!/bin/sh\n"


@pytest.mark.parametrize("to", ["/etc/passwd", "../outside", "a/../../outside"])
def test_a_link_that_leads_out_is_refused(folder: Path, to: str) -> None:
    (folder / "bad").symlink_to(to)
    with pytest.raises(Fault, match="bad: a link that leads out of the source"):
        source.archive(folder, source.files(folder))


def test_a_link_to_something_beside_it_is_not(folder: Path) -> None:
    (folder / "a" / "b" / "up").symlink_to("../../run.sh")
    (folder / "dangling").symlink_to("..thing")
    source.archive(folder, source.files(folder))
