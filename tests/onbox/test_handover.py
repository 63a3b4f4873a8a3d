"""The handover: a version that does not get healthy takes no traffic, and what ran before goes on."""

from __future__ import annotations

import pytest

from onbox import records, slots, units
from onbox.shell import Failed
from onbox.slots import Slot
from tests.onbox.box import Box


def test_a_first_release_that_fails_leaves_nothing_live(box: Box) -> None:
    box.sick.add("a" * 40)
    with pytest.raises(Failed, match=r"did not get healthy; nothing is live\nGET /: 500; its last lines:"):
        box.release("a")
    assert slots.every("app") == []
    assert (box.states, list((box.root / "units").iterdir()), box.builds()) == ({}, [], [])


def test_one_that_is_not_healthy_takes_no_traffic_and_the_one_before_goes_on(box: Box) -> None:
    first = box.release("a")
    box.sick.add("b" * 40)
    with pytest.raises(Failed, match=r"did not get healthy; the one before it goes on\nGET /: 500"):
        box.release("b")
    assert slots.every("app") == [Slot("app", 1)]
    assert set(box.runs.values()) == {first["name"]}
    assert len(box.runs) == 3


def test_what_may_run_once_only_is_back_when_the_new_one_fails(box: Box) -> None:
    box.release("a")
    box.fails.add("app-beat@2.service")
    with pytest.raises(Failed, match="the one before it goes on"):
        box.release("b")
    assert box.states["app-beat@1.service"] == "active"


def test_a_worker_that_ends_right_after_its_start_is_not_healthy(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    really = units.show

    def show(names: list[str], properties: str) -> dict[str, dict[str, str]]:
        again = {"app-worker@1.service": {"ActiveState": "active", "NRestarts": "2"}}
        return again if "NRestarts" in properties else really(names, properties)

    monkeypatch.setattr(units, "show", show)
    with pytest.raises(Failed, match=r"app-worker@1.service ends right after it starts; its last lines:"):
        box.release("a")


def test_nobody_is_sent_to_a_version_before_it_is_healthy(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    really = slots.prove

    def prove(slot: Slot) -> None:
        seen.append(box.live)
        really(slot)

    monkeypatch.setattr(slots, "prove", prove)
    box.release("a")
    box.release("b")
    assert seen == ["", "a"]


def test_where_memory_is_short_the_new_one_takes_the_place_of_the_old(box: Box) -> None:
    box.release("a")
    box.memory_mb = 300 + 64  # three processes of 100 MB, and what others need
    record = box.release("b")
    assert record["how"] == "in place"
    assert slots.every("app") == [Slot("app", 2)]
    assert (box.live, set(box.runs.values())) == ("b", {record["name"]})
    box.memory_mb += 1
    assert box.release("c")["how"] == ""


def test_where_memory_is_short_the_old_one_ends_before_the_new_one_runs_and_after_nobody_comes_to_it(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.release("a")
    box.memory_mb = 0
    old, new, seen = Slot("app", 1), Slot("app", 2), list[str]()
    ends, really = old.services(), slots.start

    def start(names: list[str], verb: str = "start") -> None:
        if names == new.services("web"):
            seen.append((box.root / "while-up" / "app-web@2.service.d" / "relief.conf").read_text())
            assert slots.live("app") == new
            assert [box.states.get(name) for name in (*ends, *new.sockets)] == ["active"] * 4
        really(names, verb)

    monkeypatch.setattr(slots, "start", start)
    box.release("b")
    assert len(seen) == 1
    assert f"stop -- {' '.join(ends)}\n" in seen[0]
    assert seen[0].index("sleep 0.5") < seen[0].index("systemctl stop")
    assert not list(box.root.glob("while-up/*")), "it would stop others whenever it starts"


def test_what_the_old_one_uses_counts_where_it_is_more_than_declared(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    box.release("a")
    box.memory_mb = 600
    really = units.show

    def show(names: list[str], properties: str) -> dict[str, dict[str, str]]:
        used = {name: {"MemoryCurrent": str(200 << 20)} for name in names}
        return used if properties == "MemoryCurrent" else really(names, properties)

    monkeypatch.setattr(units, "show", show)
    assert box.release("b")["how"] == "in place"


def test_a_first_release_needs_no_room_for_two(box: Box) -> None:
    box.memory_mb = 0
    assert box.release("a")["how"] == ""


@pytest.mark.parametrize("fault", ["sick", "dies"])
def test_one_that_fails_in_place_is_taken_back_there(box: Box, fault: str) -> None:
    first = box.release("a")
    box.memory_mb = 0
    box.wants({"web": "web", "other": "worker"})
    if fault == "sick":
        box.sick.add("b" * 40)
    else:
        box.fails.add("app-other@2.service")
    with pytest.raises(Failed, match="did not get healthy; the one before it is back"):
        box.release("b")
    assert (box.live, set(box.runs.values()), len(box.runs)) == ("a", {first["name"]}, 3)
    assert not (box.root / "units" / "app-other@2.service").exists()
    assert not list(box.root.glob("while-up/*"))
    assert records.every("app")[-1]["result"] == "failed"
