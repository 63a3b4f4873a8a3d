"""The box of these tests, converged once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pyrage
import pytest

from target.box import Target
from tests.chroma.box import HERE, NAME, Box


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A box that `deploy.py` has been run on."""
    project = tmp_path_factory.mktemp("project")
    shutil.copy(HERE / "inventory.py", project)
    key = str(pyrage.x25519.Identity.generate())
    target = Target.start(NAME)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOXKEEPER_AGE_KEY", key)
        try:
            box = Box(target, project, key)
            box.converge()
            yield box
        finally:
            if not os.environ.get("BOXKEEPER_KEEP_TARGET"):
                target.remove()
