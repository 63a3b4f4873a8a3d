"""A box that releases are made on in milliseconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.onbox.box import Box


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    made = Box(tmp_path)
    made.install(monkeypatch)
    return made
