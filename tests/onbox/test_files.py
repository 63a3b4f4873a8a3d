"""Files are replaced whole or not at all; what a killed run leaves is healed by the next. Run for real, in a folder."""

from __future__ import annotations

import base64
import contextlib
import getpass
import grp
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from onbox import files
from onbox.shell import Failed

ME = {"owner": getpass.getuser(), "group": grp.getgrgid(os.getgid()).gr_name}
YES, NO = ["true"], ["sh", "-c", "echo line 7: nonsense >&2; exit 1"]


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """`apply` is the last thing its process does, and leaves the umask changed."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def file(path: Path, content: bytes, mode: str = "0644", **more: str) -> dict[str, Any]:
    wanted = {"type": "file", "mode": mode, **ME, "sha256": hashlib.sha256(content).hexdigest(), **more}
    return {"path": str(path), "content": base64.b64encode(content).decode(), "wanted": wanted}


def folder(path: Path, mode: str = "0755") -> dict[str, Any]:
    return {"path": str(path), "wanted": {"type": "directory", "mode": mode, **ME}}


def link(path: Path, to: str) -> dict[str, Any]:
    return {"path": str(path), "wanted": {"type": "link", "to": to}}


def absent(path: Path) -> dict[str, Any]:
    return {"path": str(path), "wanted": None}


def apply(entries: Sequence[dict[str, Any]], prove: Sequence[str] = ()) -> None:
    files.apply({"paths": list(entries), "prove": list(prove)})


def found(*paths: Path) -> Any:
    return files.observe([[str(path) for path in paths]])[0]


def tree(place: Path) -> dict[str, str]:
    """Everything below a folder, leftovers included."""
    return {
        str(path.relative_to(place)): os.readlink(path) if path.is_symlink() else path.read_text()
        for path in sorted(place.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_what_was_applied_is_what_is_found(tmp_path: Path) -> None:
    wanted = [folder(tmp_path / "a", "0750"), file(tmp_path / "a" / "b", b"1\0", "0640"), link(tmp_path / "c", "a/b")]
    apply([*wanted, absent(tmp_path / "d")])
    assert found(*(Path(entry["path"]) for entry in wanted), tmp_path / "d") == {
        "paths": [*(entry["wanted"] for entry in wanted), None],
        "leftovers": [],
    }


def test_a_secret_is_never_readable_by_others_not_even_for_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []
    own = files._own

    def spied(path: str, wanted: Any, shown: str) -> None:
        modes.append(stat.S_IMODE(os.stat(path).st_mode))
        own(path, wanted, shown)

    monkeypatch.setattr(files, "_own", spied)
    apply([file(tmp_path / "a", b"secret", "0640")])
    assert modes == [0o600]
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_changed_file_is_another_file(tmp_path: Path) -> None:
    """A reader that has the old one open goes on reading the old one."""
    (tmp_path / "a").write_text("old")
    with open(tmp_path / "a") as reader:
        apply([file(tmp_path / "a", b"new")])
        assert reader.read() == "old"
    assert (tmp_path / "a").read_text() == "new"


def test_a_link_is_replaced_and_what_it_led_to_is_not(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("mine")
    (tmp_path / "a").symlink_to("target")
    apply([file(tmp_path / "a", b"new")])
    assert tree(tmp_path) == {"a": "new", "target": "mine"}


def test_folders_above_a_new_one_can_be_entered_by_everybody(tmp_path: Path) -> None:
    apply([folder(tmp_path / "a" / "b" / "c", "0700")])
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b", "a/b/c")]
    assert modes == [0o755, 0o755, 0o700]


def test_content_that_was_changed_on_its_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    entry = {**file(tmp_path / "a", b"new"), "content": base64.b64encode(b"ne").decode()}
    with pytest.raises(Failed, match="is not what was sent; the old file is untouched"):
        apply([file(tmp_path / "b", b"1"), entry])
    assert tree(tmp_path) == {"a": "old"}


@pytest.mark.parametrize("more", [{"owner": "nobody-of-that-name"}, {"group": "no-such-group"}])
def test_an_owner_that_is_not_there_leaves_nothing_behind(tmp_path: Path, more: dict[str, str]) -> None:
    with pytest.raises(Failed, match=f"{tmp_path}/a: .*no"):
        apply([file(tmp_path / "b", b"1"), file(tmp_path / "a", b"2", **more)])
    assert tree(tmp_path) == {}


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=f"there is no folder {tmp_path}/gone on the box"):
        apply([file(tmp_path / "gone" / "a", b"1")])


@pytest.mark.parametrize("prove", [[], YES])
@pytest.mark.parametrize("kind", ["file", "link", "absent"])
def test_a_folder_in_the_way_is_left_to_a_human(tmp_path: Path, kind: str, prove: list[str]) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine").write_text("1")
    entry = {"file": file(tmp_path / "a", b"1"), "link": link(tmp_path / "a", "b"), "absent": absent(tmp_path / "a")}
    with pytest.raises(Failed, match=r"is a folder, and is wanted a.* by hand"):
        apply([file(tmp_path / "b", b"1"), entry[kind]], prove)
    assert tree(tmp_path) == {"a/mine": "1"}


def test_a_file_where_a_folder_is_wanted_is_left_to_a_human(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    with pytest.raises(Failed, match="is no folder, and is wanted as one"):
        apply([folder(tmp_path / "a")])


def test_a_pipe_is_seen_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert found(tmp_path / "pipe")["paths"][0]["type"] == "special file"


def test_what_is_not_there_is_found_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert found(tmp_path / "gone" / "a", tmp_path / "file" / "b") == {"paths": [None, None], "leftovers": []}


def test_a_proof_sees_the_new_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    apply([file(tmp_path / "a", b"new"), file(tmp_path / "b", b"1")], ["grep", "-q", "new", str(tmp_path / "a")])
    assert tree(tmp_path) == {"a": "new", "b": "1"}


@pytest.mark.parametrize("prove", [NO, ["no-such-command"]])
def test_a_proof_that_fails_brings_everything_back(tmp_path: Path, prove: list[str]) -> None:
    before = old(tmp_path)
    with pytest.raises(Failed, match="the new files are refused, the old ones are back: "):
        apply(new(tmp_path), prove)
    assert tree(tmp_path) == before
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_a_proof_that_fails_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="line 7: nonsense"):
        apply(new(tmp_path), NO)


def old(place: Path) -> dict[str, str]:
    """A file, a link and a file too many."""
    (place / "a").write_text("old")
    (place / "a").chmod(0o600)
    (place / "l").symlink_to("a")
    (place / "x").write_text("extra")
    return tree(place)


def new(place: Path) -> list[dict[str, Any]]:
    return [file(place / "a", b"new"), file(place / "n", b"newborn"), link(place / "l", "n"), absent(place / "x")]


AFTER = {"a": "new", "l": "n", "n": "newborn"}


class Killed(BaseException):
    """The process ended here. Nothing of what it would have done afterwards happens."""


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let everything after so many changes of the disk fail, also the clearing up. Returns what was done before."""
    done: list[str] = []

    def counted(name: str) -> None:
        really = getattr(os, name)

        def call(*arguments: Any, **more: Any) -> Any:
            if len(done) >= step:
                raise Killed
            done.append(name)
            return really(*arguments, **more)

        monkeypatch.setattr(os, name, call)

    for name in ("link", "symlink", "rename", "unlink", "chown", "chmod", "mkdir", "fsync", "open"):
        counted(name)
    return done


def steps(place: Path, prove: list[str]) -> int:
    with pytest.MonkeyPatch.context() as patch:
        done = kill_at(10_000, patch)
        apply(new(place), prove)
    return len(done)


@pytest.mark.parametrize("prove", [[], YES, NO], ids=["unproven", "proven", "refused"])
def test_a_kill_at_any_point_is_healed_by_the_next_run(tmp_path: Path, prove: list[str]) -> None:
    (tmp_path / "count").mkdir()
    old(tmp_path / "count")
    total = steps(tmp_path / "count", YES if prove == NO else prove) + 6
    for step in range(total):
        place = tmp_path / str(step)
        place.mkdir()
        before = old(place)
        with pytest.MonkeyPatch.context() as patch:
            kill_at(step, patch)
            with contextlib.suppress(Killed, Failed):
                apply(new(place), prove)
        whole(place)
        if prove == NO:
            with pytest.raises(Failed):
                apply(resent(place), prove)
            assert tree(place) == before, step
        else:
            apply(resent(place), prove)
            assert tree(place) == AFTER, step
            assert resent(place) == []


def whole(place: Path) -> None:
    """No file is torn: each is the old one, the new one, or not there yet."""
    known = {"a": ("old", "new"), "l": ("a", "n"), "n": ("newborn",), "x": ("extra",)}
    assert all(text in known[name] for name, text in tree(place).items() if not name.startswith(files.PREFIX))


def resent(place: Path) -> list[dict[str, Any]]:
    """What `roles.resources.Files` sends for what is found: all of it where a run was cut off, else what differs."""
    entries = new(place)
    was = found(*(Path(entry["path"]) for entry in entries))
    pairs = zip(entries, was["paths"], strict=True)
    return [entry for entry, one in pairs if was["leftovers"] or entry["wanted"] != one]


def test_what_a_killed_run_left_is_seen(tmp_path: Path) -> None:
    (tmp_path / f"{files.PREFIX}x").touch()
    assert found(tmp_path / "a")["leftovers"] == [str(tmp_path / f"{files.PREFIX}x")]
