"""The box of these tests, converged once."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from target import ollama as standin
from target.box import Target
from tests.ollama.box import NAME, Box


@pytest.fixture(scope="session")
def box() -> Iterator[Box]:
    """A box that `deploy.py` has been run on."""
    target = Target.start(os.environ.get("BOXKEEPER_OLLAMA_TARGET", NAME))
    try:
        target.succeed("command -v curl >/dev/null || { apt-get -qq update; apt-get -qq -y install curl; }")
        box = Box(target)
        box.open()
        box.mirror("0.34.4", standin.archive())
        box.converge()
        yield box
    finally:
        if not os.environ.get("BOXKEEPER_KEEP_TARGET"):
            target.remove()
