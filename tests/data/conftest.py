"""The box of these tests, converged once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from target.box import Target
from tests.data.box import NAME, Data


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Data]:
    """A box that `deploy.py` has been run on."""
    with Data.on(Target.start(NAME), tmp_path_factory.mktemp("project")) as box:
        box.converge()
        yield box
