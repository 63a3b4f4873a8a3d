"""The box of these tests, converged once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from target.box import Target
from tests.turn.box import CABLE, FAR, FAR6, NAME, Turnbox


@pytest.fixture(scope="session")
def turn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Turnbox]:
    """A box that `deploy.py` has been run on, and somebody outside who answers whatever comes to port 3480."""
    target = Target.start(NAME)
    with Turnbox.on(target, tmp_path_factory.mktemp("project")) as box:
        if target.execute("ip netns exec outside true")[0] != 0:
            target.succeed(CABLE)
        box.converge()
        peer = f"ip netns exec outside turnutils_peer -L {FAR} -L {FAR6} -p 3480"
        target.succeed(f"systemctl stop peer 2>/dev/null; systemd-run -q --collect --unit=peer {peer}")
        yield box
