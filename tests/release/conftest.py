"""The box of these tests: Pulse in Python and in Node, on a disk that can be filled."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from target import own
from target.box import Target
from target.pulse.trial import Site, sites

DISK = "600m"


@pytest.fixture(scope="session")
def pulses() -> Iterator[dict[str, Site]]:
    target = Target.start(own("releasebox"))
    target.succeed(f"mountpoint -q /srv || mount -t tmpfs -o size={DISK},mode=755 tmpfs /srv")
    with sites(target) as made:
        yield made
    if not os.environ.get("BOXKEEPER_KEEP_TARGET"):
        target.remove()


@pytest.fixture(scope="session")
def pulse(pulses: dict[str, Site]) -> Site:
    """The one in Python."""
    return pulses["python"]
