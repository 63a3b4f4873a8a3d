"""The box of these tests, converged once."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from target.box import Target
from tests.net.box import NAME, Net


@pytest.fixture(scope="session")
def net() -> Iterator[Net]:
    """A box that `deploy.py` has been run on."""
    target = Target.start(NAME)
    try:
        net = Net(target)
        net.converge()
        yield net
    finally:
        if not os.environ.get("BOXKEEPER_KEEP_TARGET"):
            target.remove()
