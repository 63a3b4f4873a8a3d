"""`boxkeeper patch`: one box after the other, none after one that is not well."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from cli import main
from commands import patch
from commands.converge import Outcome
from roles.patches import Patches
from roles.server import Server

BOXES = [Server(host=f"192.0.2.{number}", patches=Patches()) for number in (1, 2, 3)]
WELL = {"began": 0.0, "ended": 9.0, "changed": [], "restarted": [], "held": {}, "reboot": "", "fault": ""}


class Fleet:
    """Boxes that end as they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, ends: dict[str, Any]) -> None:
        self.begun: list[str] = []
        self.ends = ends
        monkeypatch.setattr(patch, "inventory_of", lambda env: f"inventories/{env}.py")
        monkeypatch.setattr(patch, "supplied", lambda env: BOXES)
        monkeypatch.setattr(patch, "converge", self._converge)
        monkeypatch.setattr(patch, "_followed", lambda server: {**WELL, **self.ends.get(f"{server.host} says", {})})

    def _converge(self, inventory: str, deploy: str, *options: str, stopped: str) -> Outcome:
        host = options[1].removeprefix("@box/")
        self.begun.append(host)
        self.options = options
        code, changed = self.ends.get(host, (0, 1))
        return Outcome(code, changed)


@pytest.mark.parametrize(
    ("ends", "says"),
    [
        ({"192.0.2.2": (1, 0)}, "--> 192.0.2.2: it did not end well; not begun: 192.0.2.3\n"),
        (
            {"192.0.2.2 says": {"fault": "after the reboot: shop: 502"}},
            "--> 192.0.2.2: after the reboot: shop: 502; not begun: 192.0.2.3\n",
        ),
    ],
)
def test_it_stops_at_the_first_box_that_is_not_well(ends: Any, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet(monkeypatch, ends)
    result = CliRunner().invoke(main, ["patch", "prod"])
    assert (result.exit_code, fleet.begun) == (1, ["192.0.2.1", "192.0.2.2"])
    assert result.stderr == says


def test_a_box_without_updates_is_said_to_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet(monkeypatch, {server.host: (0, 0) for server in BOXES})
    result = CliRunner().invoke(main, ["patch", "prod", "--reboot"])
    assert result.exit_code == 0
    assert result.output == "".join(f"{server.host}: nothing to update\n" for server in BOXES)
    assert fleet.options[2:] == ("--data", "reboot=now")
