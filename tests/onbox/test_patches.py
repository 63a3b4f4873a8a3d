"""Updates as far as no box is needed: which are kept, which held, when a box reboots, and what is said of it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from onbox import packages, patched, patches, probes, renewal, told, upgrades
from onbox.shell import Failed
from onbox.upgrades import Upgrade

LIBS = [Upgrade("libx1", "1", "2", "x"), Upgrade("libx-dev", "1", "2", "x")]
OTHERS = [Upgrade(name, "1", "2", name) for name in ("a", "b", "c", "d")]
WHAT: Any = {"host": "box", "webhook": None, "updates": "all", "window": [180, 300], "reboot": True, "apps": []}
FOUND: Any = {"began": 0.0, "ended": 9.0, "changed": [], "restarted": [], "held": {}, "reboot": "", "fault": ""}


class Box:
    """Packages and their versions; with some of them the app is ill."""

    def __init__(self, *ill: str) -> None:
        self.ill = set(ill)
        self.new: set[str] = set()
        self.kept: set[str] = set()
        self.held: list[str] = []
        self.tries = 0

    def install(self, asked: Sequence[Upgrade], updates: str) -> None:
        self.tries += 1
        self.new |= {each.name for each in asked}
        if "broken" in self.ill & self.new:
            raise Failed("apt-get: dpkg returned an error")

    def settle(self, *_: Any) -> list[str]:
        return ["shop: health: 500"] if self.ill & self.new - {"broken"} else []

    def accept(self) -> None:
        self.kept |= self.new

    def back(self) -> None:
        self.new &= self.kept

    def hold(self, asked: Sequence[Upgrade], why: str) -> None:
        self.held += [each.name for each in asked]


def attempt(box: Box, asked: list[Upgrade], monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], Any]:
    monkeypatch.setattr(upgrades, "install", box.install)
    monkeypatch.setattr(upgrades, "accept", box.accept)
    monkeypatch.setattr(upgrades, "back", box.back)
    monkeypatch.setattr(upgrades, "hold", box.hold)
    monkeypatch.setattr(probes, "settle", box.settle)
    monkeypatch.setattr(renewal, "renew", list)
    found: Any = {"restarted": [], "held": {}}
    stays = [each.name for each in patches._attempt(WHAT, {}, asked, found)]
    assert box.new == set(stays), "what is said to be upgraded is"
    return stays, found["held"]


def test_where_everything_stays_well_it_is_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box()
    assert attempt(box, [*OTHERS, *LIBS], monkeypatch) == (["a", "b", "c", "d", "libx1", "libx-dev"], {})
    assert box.tries == 1


@pytest.mark.parametrize("guilty", ["a", "b", "c", "d"])
def test_the_one_that_makes_an_app_ill_is_found_and_all_others_stay(
    guilty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stays, held = attempt(Box(guilty), [*OTHERS, *LIBS], monkeypatch)
    assert sorted(stays) == sorted({"a", "b", "c", "d", "libx1", "libx-dev"} - {guilty})
    assert held == {guilty: ["2", "shop: health: 500"]}


def test_packages_of_one_source_are_held_together(monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box("libx1")
    assert attempt(box, [*OTHERS, *LIBS], monkeypatch)[0] == ["a", "b", "c", "d"]
    assert box.held == ["libx1", "libx-dev"]


def test_one_that_does_not_install_is_held_with_apts_words(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Upgrade("broken", "1", "2", "broken")
    stays, held = attempt(Box("broken"), [broken, *OTHERS], monkeypatch)
    assert stays == ["a", "b", "c", "d"]
    assert held == {"broken": ["2", "it does not install: apt-get: dpkg returned an error"]}


def test_where_the_earlier_versions_do_not_help_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box("a")
    box.kept = {"a"}
    with pytest.raises(Failed, match="with the earlier versions of a, b, c, d back, it is still not well: shop"):
        attempt(box, OTHERS, monkeypatch)
    assert box.tries == 1


@pytest.mark.parametrize(
    ("window", "clock", "inside"),
    [
        ([180, 300], "03:00", True),
        ([180, 300], "04:59", True),
        ([180, 300], "05:00", False),
        ([180, 300], "02:59", False),
        ([1380, 60], "23:30", True),
        ([1380, 60], "00:59", True),
        ([1380, 60], "12:00", False),
    ],
)
def test_a_window_may_go_past_midnight(window: list[int], clock: str, inside: bool) -> None:
    assert patches.is_within(window, time.strptime(clock, "%H:%M")) is inside


def test_only_what_was_well_before_counts() -> None:
    before = {"a": "", "b": "was ill"}
    assert probes.worse(before, {"a": "status 502", "b": "still ill", "c": "new and ill"}) == [
        "a: status 502",
        "c: new and ill",
    ]


def test_a_report_names_each_package_with_its_versions() -> None:
    found = {**FOUND, "changed": [["libx1", "1", "2"]], "restarted": ["x.service", "x.service"], "reboot": "40 s"}
    assert patched.report(found) == [
        "1 packages upgraded in 9 s",
        "  libx1 1 -> 2",
        "restarted x.service",
        "rebooted; everything was back 40 s after the beginning",
    ]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, False),
        ({"reboot": "waits"}, False),
        ({"changed": [["libx1", "1", "2"]]}, True),
        ({"held": {"libx1": ["2", "status 500"]}}, True),
        ({"reboot": "30 s"}, True),
        ({"fault": "no space left"}, True),
    ],
)
def test_a_webhook_hears_only_of_what_changed_or_failed(
    more: Any, says: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    monkeypatch.setattr(told, "post", lambda address, text: heard.append(text))
    monkeypatch.setattr(patched, "RECORDS", str(tmp_path / "records.json"))
    found = {**FOUND, **more}
    if "fault" in more:
        with pytest.raises(Failed):
            patches._finish({**WHAT, "webhook": "https://example.com/x"}, found)
    else:
        patches._finish({**WHAT, "webhook": "https://example.com/x"}, found)
    assert bool(heard) is says
    assert len(patched.records()) == 1


def test_records_are_the_newest_fifty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patched, "RECORDS", str(tmp_path / "records.json"))
    for number in range(52):
        patches._finish(WHAT, {**FOUND, "began": float(number)})
    assert [record["began"] for record in patched.records()] == [float(number) for number in range(2, 52)]


def test_a_held_package_is_let_go_when_there_is_another_version_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"a": "3", "b": "2", "c": "2"}
    answers = {"showhold": "a\nb\n"}
    ran: list[Any] = []
    monkeypatch.setattr(patched, "HELD", str(tmp_path / "held.json"))
    monkeypatch.setattr(upgrades, "run", ran.append)
    monkeypatch.setattr(
        upgrades, "said", lambda argv: answers.get(argv[1], f"a:\n  Candidate: {there.get(argv[-1])}\n")
    )
    (tmp_path / "held.json").write_text(json.dumps({name: {"version": "2", "why": "ill"} for name in ("a", "b", "c")}))
    upgrades.release()
    assert ran == [["apt-mark", "unhold", "a", "c"]], "a has a newer one; somebody let go of c"
    assert set(patched.held()) == {"b"}


SIMULATED = """
Inst libkrb5-3 [1.21.3-5+deb13u1] (1.21.3-5+deb13u2 Debian-Security:13/stable-security [amd64]) []
Inst linux-image-7 (7.1 Debian-Security:13/stable-security [amd64])
Conf libkrb5-3 (1.21.3-5+deb13u2 Debian-Security:13/stable-security [amd64])
"""


def test_what_there_is_to_upgrade_is_what_apt_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def run(argv: list[str], **_: Any) -> str:
        ran.append(list(argv))
        return "libkrb5-3 krb5\n" if argv[0] == "dpkg-query" else SIMULATED

    monkeypatch.setattr(upgrades, "run", run)
    monkeypatch.setattr(packages, "run", run)
    assert upgrades.pending("all") == [Upgrade("libkrb5-3", "1.21.3-5+deb13u1", "1.21.3-5+deb13u2", "krb5")]
    assert not any("Preferences" in word for word in ran[0])
    upgrades.pending("security")
    assert any(word.endswith("Preferences=/etc/boxkeeper/security.pref") for word in ran[2])
