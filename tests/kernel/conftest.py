"""The machine of these tests, converged once. It is bare at each start and gone at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from target.machine import Machine
from tests.kernel.box import NAME, Kernel


@pytest.fixture(scope="session")
def kernel() -> Iterator[Kernel]:
    """A machine that `deploy.py` has been run on."""
    with Machine.start(NAME) as machine:
        kernel = Kernel(machine)
        kernel.converge()
        yield kernel
