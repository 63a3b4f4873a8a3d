"""The box of these tests: its app is up, and there are updates of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from target import own
from target.box import Target
from tests.patches.box import Box

BULB = "/usr/lib/shop/shop-bulb"


@dataclass(frozen=True)
class Patched:
    """A box after `boxkeeper patch`, and what was said."""

    box: Box
    said: str


@pytest.fixture(scope="session")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patched]:
    """One update breaks the app, and one does not install; those of the distribution are there, too, if there are."""
    with Box.on(Target.start(own("patchbox")), tmp_path_factory.mktemp("project")) as box:
        for name in ("shop-words", "shop-bulb", "shop-hook"):
            box.publish(name, "1")
        box.subscribe()
        box.converge()
        box.target.succeed(
            f"printf '[Service]\\nExecStart={BULB} infinity\\n'"
            " >/etc/systemd/system/shop-bulb.service; systemctl daemon-reload; systemctl start shop-bulb"
        )
        box.publish("shop-words", "2", words="broken")
        box.publish("shop-hook", "2", hook="exit 1")
        yield Patched(box, box.patch())
