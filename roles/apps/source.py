"""The source of an app on the control machine: which files belong to it, their identity, and an archive to send."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from roles import Fault

LEFT_OUT = frozenset({".git", ".venv", "node_modules", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"})
"""Folders that are never part of a source: they are made again on the box."""


def files(folder: Path) -> list[Path]:
    """The files of a source, sorted, relative to `folder`: what git would track; all of them where there is no git."""
    command = ["git", "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "."]
    try:
        said = subprocess.run(command, capture_output=True, check=True).stdout
        names = [Path(os.fsdecode(name)) for name in said.split(b"\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = []
    if not names:  # no git here, or the folder is one that an outer repository ignores
        names = [path.relative_to(folder) for path in folder.rglob("*")]
    kept = (name for name in names if not LEFT_OUT & set(name.parts))
    return sorted(name for name in kept if (folder / name).is_symlink() or (folder / name).is_file())


def identity(folder: Path) -> str:
    """A hash of names, modes and contents: the same source is the same release."""
    total = hashlib.sha256()
    for name in files(folder):
        path = folder / name
        content = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
        total.update(os.fsencode(f"{name}\0{_mode(path):o}\0{hashlib.sha256(content).hexdigest()}\n"))
    return total.hexdigest()


def everything(folder: Path) -> list[Path]:
    """All files below a folder, sorted, relative to it: those of a source that was built there."""
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    return sorted(names)


def archive(folder: Path, names: Sequence[Path]) -> str:
    """Files of a folder as a gzipped tar in base64. Owners and times are left out: the box sets its own.

    Raises Fault for a link that leads out of the source: the box would refuse to unpack it.
    """
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for name in names:
            if _leads_out(folder, name):
                raise Fault(f"{folder / name}: a link that leads out of the source; make it a relative one, or a copy")
            entry = tar.gettarinfo(str(folder / name), arcname=str(name))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            entry.mtime = 0
            if entry.isreg():
                entry.mode = _mode(folder / name)
                with open(folder / name, "rb") as file:
                    tar.addfile(entry, file)
            else:
                tar.addfile(entry)
    return base64.b64encode(packed.getvalue()).decode()


def _leads_out(folder: Path, name: Path) -> bool:
    if not (folder / name).is_symlink():
        return False
    to = os.readlink(folder / name)
    return os.path.isabs(to) or Path(os.path.normpath(name.parent / to)).parts[:1] == ("..",)


def _mode(path: Path) -> int:
    return 0o755 if os.lstat(path).st_mode & 0o100 else 0o644
