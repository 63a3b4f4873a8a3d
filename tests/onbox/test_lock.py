"""Programs that do the same follow each other."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from onbox import lock


def test_nobody_else_has_it_until_it_is_given_back(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as other:
        with lock.alone(str(tmp_path / "lock")), pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
