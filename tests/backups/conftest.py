"""The box of these tests, converged once, and the server that its backups go to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from target.box import Target
from target.kept.box import NAME, Box, keeper


@pytest.fixture(scope="session")
def place() -> Iterator[Target]:
    """Where the backups go."""
    made = keeper()
    yield made
    made.remove()


@pytest.fixture(scope="session")
def box(place: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A box that `deploy.py` has been run on, and whose key the other server takes."""
    with Box.on(Target.start(NAME), tmp_path_factory.mktemp("project")) as made:
        made.converge()
        made.lets_in()
        yield made
