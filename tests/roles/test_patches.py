"""Updates of a box, as far as no box is needed: what it is told, and when something differs."""

from __future__ import annotations

from typing import Any

import pytest

from roles import base
from roles.patches import Now, Patched, Patches, wanted
from roles.resources import Unit, Units
from roles.server import Server


def server(**settings: Any) -> Server:
    return Server(host="203.0.113.10", **settings)


def units(box: Server) -> dict[str, Unit]:
    return {unit.name: unit for each in base.wanted(box) if isinstance(each, Units) for unit in each.units}


@pytest.mark.parametrize("window", ["3:00-5:00", "03:00", "24:00-01:00", "03:00-03:00", "03:00-05:60"])
def test_a_window_is_two_times_of_a_day(window: str) -> None:
    faults = server(patches=Patches(window=window)).faults
    assert len(faults) == 1
    assert "is no window; write it like `03:00-05:00`" in faults[0]


def test_a_window_may_end_on_the_next_day() -> None:
    assert Patches(window="23:30-01:00").minutes == (1410, 60)


def test_one_of_two_looks_after_security_updates() -> None:
    alone, patched = units(server())["apt-daily-upgrade.timer"], units(server(patches=Patches()))
    assert (alone.state, alone.enabled) == ("active", True)
    assert (patched["apt-daily-upgrade.timer"].state, patched["apt-daily-upgrade.timer"].enabled) == ("inactive", False)
    assert list(wanted(server())) == []


@pytest.mark.parametrize(
    ("found", "differs"),
    [
        ({"pending": [], "looked": 60.0}, []),
        ({"pending": [], "looked": 7200.0}, ["newer lists of packages are not asked for yet"]),
        ({"pending": [], "looked": None}, ["newer lists of packages are not asked for yet"]),
        ({"pending": [["libx", "1", "2", "x"]], "looked": 60.0}, ["libx 1 -> 2"]),
    ],
)
def test_there_is_something_to_do_where_there_are_updates_or_that_is_not_known(found: Any, differs: list[str]) -> None:
    assert Patched("all", reboots=False).differences(found) == differs


def test_a_box_without_patches_and_another_word_than_now_are_refused() -> None:
    said = list(Now("later").objections([server()]))
    assert said[0].startswith("`--data reboot=later` is not known")
    assert said[1] == "203.0.113.10 has no patches: write `patches=Patches()` into its Server"
    assert list(Now("now").objections([server(patches=Patches())])) == []
