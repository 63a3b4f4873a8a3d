"""The box of these tests, converged once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pyrage
import pytest

from target.box import Target
from tests.turn.box import CABLE, FAR, FAR6, HERE, NAME, Turnbox


@pytest.fixture(scope="session")
def turn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Turnbox]:
    """A box that `deploy.py` has been run on, and somebody outside who answers whatever comes to port 3480."""
    project = tmp_path_factory.mktemp("project")
    shutil.copy(HERE / "inventory.py", project)
    key = str(pyrage.x25519.Identity.generate())
    target = Target.start(NAME)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOXKEEPER_AGE_KEY", key)
        try:
            if target.execute("ip netns exec outside true")[0] != 0:
                target.succeed(CABLE)
            box = Turnbox(target, project, key)
            box.converge()
            peer = f"ip netns exec outside turnutils_peer -L {FAR} -L {FAR6} -p 3480"
            target.succeed(f"systemctl stop peer 2>/dev/null; systemd-run -q --collect --unit=peer {peer}")
            yield box
        finally:
            if not os.environ.get("BOXKEEPER_KEEP_TARGET"):
                target.remove()
