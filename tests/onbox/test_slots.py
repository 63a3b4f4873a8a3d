"""Slots: one is live, those before it come to their end, and what was cut off is put right."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from onbox import links, records, slots
from onbox.relief import GLANCE
from onbox.shell import Failed
from onbox.slots import Slot
from tests.onbox.box import Box

UNIX = "0000000000000000: 00000002 00000000 {flags} 0001 {state} 22222 {path}\n"
WAITS, CONNECTING, CONNECTED = "01", "02", "03"


def sockets(box: Box, *rows: tuple[str, str]) -> None:
    """What the kernel says of Unix sockets: states and paths."""
    lines = [UNIX.format(flags="00010000", state=state, path=path) for state, path in rows]
    (box.root / "unix").write_text("Num       RefCount Protocol Flags    Type St Inode Path\n" + "".join(lines))


@pytest.fixture
def old(box: Box) -> Slot:
    """The slot of a version that was live and comes to its end."""
    box.release("a")
    box.release("b")
    return Slot("app", 1)


def test_without_a_release_nothing_is_live_and_the_first_slot_is_free(box: Box) -> None:
    assert (slots.live("app"), slots.every("app"), slots.free("app")) == (None, [], Slot("app", 1))
    assert (slots.live("other"), slots.free("other")) == (None, Slot("other", 1))


def test_the_free_slot_is_the_first_number_that_nothing_uses(box: Box) -> None:
    for number in ("1", "3", "10", "x"):
        (box.home / "slots" / number).mkdir()
    assert slots.free("app") == Slot("app", 2)
    (box.home / "slots" / "2").mkdir()
    assert slots.free("app") == Slot("app", 4)


def test_a_filled_slot_has_units_of_its_own_and_nothing_of_it_runs(box: Box) -> None:
    record = box.release("a")
    box.asked.clear()
    slots.fill(Slot("app", 7), record["name"])
    names = ["app-web@7.socket", "app-beat@7.service", "app-web@7.service", "app-worker@7.service"]
    assert Slot("app", 7).units == names
    assert all((box.root / "units" / name).is_file() for name in names)
    assert Slot("app", 7).record == record
    assert box.asked == ["daemon-reload"]


def test_units_that_the_next_version_in_a_slot_does_not_have_are_stopped_and_gone(box: Box) -> None:
    box.release("a")
    box.wants({"web": "web"})
    other = box.release("b")
    slots.fill(Slot("app", 1), other["name"])
    assert "stop app-beat@1.service app-worker@1.service" in box.asked
    assert not (box.root / "units" / "app-beat@1.service").exists()


def test_a_slot_whose_record_is_lost_still_knows_its_units(box: Box) -> None:
    record = box.release("a")
    Path(records.path("app", record["name"]), "release.json").write_text("")
    assert Slot("app", 1).record == {}
    assert len(Slot("app", 1).units) == 4


def test_the_one_before_is_marked_before_everybody_is_sent_on(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in between, it would otherwise be neither live nor at its end, and be swept with what is open there."""
    box.release("a")
    seen: list[float] = []
    really = links.point

    def point(link: str, to: str) -> None:
        if link.endswith("/live"):
            seen.append(slots.ends(Slot("app", 1)))
        really(link, to)

    monkeypatch.setattr(slots, "point", point)
    box.release("b")
    assert slots.live("app") == Slot("app", 2)
    (marked,) = seen
    assert marked == pytest.approx(box.now + 60)
    assert box.states["boxkeeper-drain-app-1.service"] == "active"


def test_switching_to_what_is_live_ends_nothing(box: Box) -> None:
    box.release("a")
    slots.switch(Slot("app", 1))
    assert slots.live("app") == Slot("app", 1)
    assert slots.ends(Slot("app", 1)) == 0


def test_an_end_is_waited_for_once(box: Box, old: Slot) -> None:
    box.asked.clear()
    slots.let_end(old)
    assert not [line for line in box.asked if "drain" in line and "is-active" not in line]


def test_connections_are_those_to_its_sockets_and_those_that_wait_there(box: Box, old: Slot) -> None:
    mine, other = old.socket("web"), Slot("app", 2).socket("web")
    sockets(box, (WAITS, mine), (CONNECTED, mine), (CONNECTING, mine), (CONNECTED, other), (CONNECTED, f"{mine}.x"))
    with (box.root / "unix").open("a") as file:
        file.write("0000000000000000: 00000003 00000000 00000000 0001 03 33333\n")  # one without a path
    assert slots.connections(old) == 2


def test_an_end_comes_with_the_last_connection(box: Box, old: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    sockets(box, (CONNECTED, old.socket("web")))
    until = box.now + 20

    def sleep(seconds: float) -> None:
        box.now += seconds
        if box.now >= until:
            sockets(box, (WAITS, old.socket("web")))

    monkeypatch.setattr(time, "sleep", sleep)
    slots.drain("app", "1")
    assert box.now == until
    assert not os.path.exists(old.path)
    assert not [name for name in box.states if "@1." in name]
    assert not list((box.root / "units").glob("*@1.*"))


def test_an_end_comes_when_time_is_up(box: Box, old: Slot, capsys: pytest.CaptureFixture[str]) -> None:
    sockets(box, (CONNECTED, old.socket("web")))
    ends = slots.ends(old)
    capsys.readouterr()
    slots.drain("app", "1")
    assert ends <= box.now <= ends + GLANCE
    assert not os.path.exists(old.path)
    assert capsys.readouterr().out == "slot 1: its time is up, 1 connections are closed\n"


def test_a_worker_takes_nothing_new_while_others_come_to_their_end(box: Box, old: Slot) -> None:
    box.asked.clear()
    slots.drain("app", "1")
    assert box.asked[0] == "stop app-worker@1.service"


def test_what_nobody_may_have_connected_to_yet_is_given_a_moment(box: Box, old: Slot) -> None:
    before = box.now
    slots.drain("app", "1")
    assert box.now == before + GLANCE


def test_what_is_live_is_never_ended(box: Box, old: Slot) -> None:
    slots.drain("app", "2")
    slots.drain("app", "3")
    assert box.live == "b"
    assert box.states["app-web@2.service"] == "active"


def test_tidying_starts_what_is_live_lets_end_what_was_and_sweeps_the_rest(box: Box, old: Slot) -> None:
    slots.fill(Slot("app", 3), records.names("app")[0])
    box.states["app-web@2.service"] = "inactive"
    del box.states["boxkeeper-drain-app-1.service"]
    slots.tidy("app")
    assert box.states["app-web@2.service"] == box.states["boxkeeper-drain-app-1.service"] == "active"
    assert slots.every("app") == [old, Slot("app", 2)]
    assert not list((box.root / "units").glob("*@3.*"))


def test_tidying_unmarks_what_is_live(box: Box) -> None:
    box.release("a")
    (box.home / "slots" / "1" / "draining").write_text("1")
    slots.tidy("app")
    assert slots.ends(Slot("app", 1)) == 0


def test_tidying_puts_back_what_a_change_in_place_replaced(box: Box) -> None:
    first = box.release("a")
    other = box.release("b")
    now = Slot("app", 2)
    slots.fill(now, first["name"])
    box.runs["app-web@2.service"] = first["name"]
    slots.tidy("app")
    assert (now.release, box.runs["app-web@2.service"]) == (other["name"], other["name"])


def test_a_slot_that_somebody_else_has_just_emptied_is_no_error(box: Box, old: Slot) -> None:
    slots.empty(old)
    slots.empty(old)


def test_after_a_reboot_what_is_live_runs_and_every_other_slot_is_gone(box: Box, old: Slot) -> None:
    box.reboot()
    assert slots.every("app") == [Slot("app", 2)]
    assert {name for name, state in box.states.items() if state == "active"} == set(Slot("app", 2).units)


def test_after_a_reboot_the_version_runs_that_was_healthy(box: Box) -> None:
    first, other = box.release("a"), box.release("b")
    slots.fill(Slot("app", 2), first["name"])
    box.reboot()
    assert box.live == "b"
    assert set(box.runs.values()) == {other["name"]}


def test_an_app_that_does_not_start_keeps_no_other_from_its_start(box: Box) -> None:
    box.release("a")
    broken = box.root / "srv" / "aaa"
    (broken / "slots" / "1").mkdir(parents=True)
    (broken / "live").symlink_to("slots/1")
    (broken / "releases" / "x" / "units").mkdir(parents=True)
    (broken / "releases" / "x" / "units" / "aaa@.socket").touch()
    (broken / "slots" / "1" / "release").symlink_to("../../releases/x")
    with pytest.raises(Failed, match=r"^aaa: Unit aaa@1.socket not found.$"):
        box.reboot()
    assert box.states["app-web@1.service"] == "active"
