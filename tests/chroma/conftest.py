"""The box of these tests, converged once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from target.box import Target
from tests.chroma.box import NAME, Box


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A box that `deploy.py` has been run on."""
    with Box.on(Target.start(NAME), tmp_path_factory.mktemp("project")) as box:
        box.converge()
        yield box
