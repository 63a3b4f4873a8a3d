"""Files, directories and links: replaced whole or not at all."""

from __future__ import annotations

import base64
import contextlib
import grp
import hashlib
import os
import pwd
import stat
import tempfile
from typing import Any

from onbox.shell import Failed, run

Json = Any
PREFIX = ".boxkeeper-"
OLD, NEW = f"{PREFIX}old-", f"{PREFIX}new-"
"""Beside a file that is being proven: the one it replaced, or the mark that it replaced nothing."""


def observe(queries: list[list[str]]) -> list[Json]:
    users: dict[int, str] = {}
    groups: dict[int, str] = {}
    folders = {os.path.dirname(path) for paths in queries for path in paths}
    left = {folder: _leftovers(folder) for folder in folders}
    return [
        {
            "paths": [_found(path, users, groups) for path in paths],
            "leftovers": sorted({name for path in paths for name in left[os.path.dirname(path)]}),
        }
        for paths in queries
    ]


def _leftovers(folder: str) -> list[str]:
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder) if name.startswith(PREFIX)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _found(path: str, users: dict[int, str], groups: dict[int, str]) -> Json:
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(status.st_mode):
        return {"type": "link", "to": os.readlink(path)}
    kinds = {stat.S_IFDIR: "directory", stat.S_IFREG: "file"}
    found = {
        "type": kinds.get(stat.S_IFMT(status.st_mode), "special file"),  # a pipe is never opened: that would wait
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "owner": _name(status.st_uid, users, lambda uid: pwd.getpwuid(uid).pw_name),
        "group": _name(status.st_gid, groups, lambda gid: grp.getgrgid(gid).gr_name),
    }
    if found["type"] == "file":
        try:
            with open(path, "rb") as file:
                found["sha256"] = hashlib.sha256(file.read()).hexdigest()
        except FileNotFoundError:  # it went away since
            return None
    return found


def _name(number: int, known: dict[int, str], look_up: Any) -> str:
    if number not in known:
        try:
            known[number] = look_up(number)
        except KeyError:
            known[number] = str(number)
    return known[number]


def apply(payload: Json) -> None:
    """Write all new content beside its destination, then move everything into place; undo all if `prove` says no."""
    os.umask(0o077)
    staged: list[tuple[Json, str]] = []
    for folder in sorted({os.path.dirname(entry["path"]) for entry in payload["paths"]}):
        _heal(folder)
    try:
        for entry in payload["paths"]:
            staged.append((entry, _stage(entry)))
        if not payload["prove"]:
            for entry, temporary in staged:
                _place(entry, temporary)
        else:
            _place_proven(staged, payload["prove"])
    finally:
        for _, temporary in staged:
            if temporary:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)


def _stage(entry: Json) -> str:
    """Put the content of a file into a temporary file in the destination's folder; other kinds need none."""
    wanted, path = entry["wanted"], entry["path"]
    _allow(path, wanted)
    if wanted is None or wanted["type"] == "directory":
        if wanted:
            _place(entry, "")  # later files of the same set may live in it
        return ""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise Failed(f"{path}: there is no folder {folder} on the box")
    temporary = tempfile.mktemp(prefix=PREFIX, dir=folder)
    if wanted["type"] == "link":
        os.symlink(wanted["to"], temporary)
        return temporary
    content = base64.b64decode(entry["content"])
    if hashlib.sha256(content).hexdigest() != wanted["sha256"]:
        raise Failed(f"{path}: what arrived is not what was sent; the old file is untouched")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            _own(temporary, wanted, path)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(temporary)
        raise
    return temporary


def _allow(path: str, wanted: Json) -> None:
    """Raises Failed where a folder would have to go, or to come where something else is: that is for a human."""
    is_folder = os.path.isdir(path) and not os.path.islink(path)
    if is_folder and (wanted is None or wanted["type"] != "directory"):
        fate = "away; look into it, and remove it" if wanted is None else f"as a {wanted['type']}; move it away"
        raise Failed(f"{path}: is a folder, and is wanted {fate} by hand")
    if wanted is not None and wanted["type"] == "directory" and os.path.lexists(path) and not is_folder:
        raise Failed(f"{path}: is no folder, and is wanted as one; move it away by hand")


def _heal(folder: str) -> None:
    """Undo what a run that was cut off left here. Runs on one box are serial, so nobody else's is in use."""
    for path in sorted(_leftovers(folder)):
        name = os.path.basename(path)
        if name.startswith(OLD):
            os.rename(path, os.path.join(folder, name.removeprefix(OLD)))
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)  # rename(2) does nothing when both are still the same file: nothing was placed yet
            continue
        if name.startswith(NEW):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, name.removeprefix(NEW)))
        os.unlink(path)


def _own(path: str, wanted: Json, shown: str = "") -> None:
    try:
        os.chown(path, pwd.getpwnam(wanted["owner"]).pw_uid, grp.getgrnam(wanted["group"]).gr_gid)
    except KeyError as missing:
        raise Failed(f"{shown or path}: {missing.args[0]}") from None
    os.chmod(path, int(wanted["mode"], 8))


def _place(entry: Json, temporary: str) -> None:
    wanted, path = entry["wanted"], entry["path"]
    if wanted is None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    elif wanted["type"] == "directory":
        _make_folder(path)
        _own(path, wanted)
    else:
        os.rename(temporary, path)


def _make_folder(path: str) -> None:
    """With the folders above it: for everybody to enter, where `os.makedirs` would heed our umask."""
    if not os.path.isdir(path):
        _make_folder(os.path.dirname(path))
        os.mkdir(path)
        os.chmod(path, 0o755)


def _place_proven(staged: list[tuple[Json, str]], prove: list[str]) -> None:
    files = [(entry, temporary) for entry, temporary in staged if (entry["wanted"] or {}).get("type") != "directory"]
    marks: list[str] = []
    try:
        for entry, temporary in files:
            marks.append(_mark(entry["path"]))
            _place(entry, temporary)
        try:
            run(prove)
        except Failed as refused:
            raise Failed(f"the new files are refused, the old ones are back: {refused}") from None
    except BaseException:
        for folder in {os.path.dirname(mark) for mark in marks}:
            _heal(folder)
        raise
    for mark in marks:
        os.unlink(mark)


def _mark(path: str) -> str:
    """Remember what is at `path` now, in a way that `_heal` can undo."""
    folder, name = os.path.split(path)
    if os.path.lexists(path):
        os.link(path, os.path.join(folder, OLD + name), follow_symlinks=False)
        return os.path.join(folder, OLD + name)
    mark = os.path.join(folder, NEW + name)
    with open(mark, "w"):
        return mark
