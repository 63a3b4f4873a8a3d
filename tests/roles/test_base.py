"""Which boxes are taken, and what differs on one."""

from __future__ import annotations

from typing import Any

import pytest

from roles.base import Base, Host, faults, swap_for, wanted
from roles.budget import Size
from roles.confirmed import Confirmed
from roles.server import Server

FINE: dict[str, Any] = {
    "distro": "ubuntu 24.04",
    "machine": "x86_64",
    "ram_mb": 460,
    "writable": True,
    "container": False,
    "hostname": "box",
    "timezone": "Etc/UTC",
    "locale": "C.UTF-8",
    "swap_mb": 460,
    "clock": "chrony",
}
HOST = Host("box", None)


def found(**other: Any) -> dict[str, Any]:
    return {**FINE, **other}


@pytest.mark.parametrize("distro", ["ubuntu 22.04", "ubuntu 24.04", "ubuntu 26.04", "debian 12", "debian 13"])
def test_a_supported_box_is_taken(distro: str) -> None:
    assert faults(found(distro=distro)) == []


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"distro": "ubuntu 20.04"}, "runs ubuntu 20.04; supported:"),
        ({"distro": "centos 9"}, "runs centos 9; supported:"),
        ({"machine": "armv7l"}, "is a armv7l machine; supported: x86_64, aarch64"),
        ({"writable": False}, "has a read-only root file system"),
    ],
)
def test_a_box_that_will_not_do_is_refused_with_the_reason(other: dict[str, Any], said: str) -> None:
    assert [said in fault for fault in faults(found(**other))] == [True]


def test_all_faults_of_a_box_are_said_at_once() -> None:
    assert len(faults(found(distro="centos 9", machine="armv7l", writable=False))) == 3


def test_nothing_differs_on_a_box_that_is_as_wanted() -> None:
    assert HOST.differences(found()) == []


def test_utc_by_its_other_name_is_as_wanted() -> None:
    assert HOST.differences(found(timezone="UTC")) == []


@pytest.mark.parametrize(("ram", "swap"), [(460, 512), (960, 960), (2000, 2000), (2500, 2048), (8000, 0)])
def test_swap_is_sized_to_memory(ram: int, swap: int) -> None:
    assert swap_for(ram) == swap


def test_a_small_box_gets_a_swap_file_and_counts_on_it() -> None:
    assert HOST.payload(found(swap_mb=0, ram_mb=2000)) == {"swap_mb": 2000}
    assert Base().swap(Size(2000, 20_000)) == 2000
    assert Base(swap_mb=100).swap(Size(2000, 20_000)) == 100
    assert Base(swap_mb=100).swap(Size(2000, 20_000, swap_mb=4000)) == 4000, "what is there stays"


def test_no_swap_file_is_made_where_none_is_wanted() -> None:
    assert Host("box", 0).payload(found(swap_mb=0, ram_mb=2000)) == {}


def test_a_container_gets_no_swap_file() -> None:
    assert HOST.differences(found(swap_mb=0, container=True)) == []


def test_a_box_that_has_swap_keeps_it() -> None:
    assert Host("box", 4096).differences(found(swap_mb=100)) == []


@pytest.mark.parametrize(("clock", "wanted"), [("", "timesyncd"), ("chrony stopped", "chrony"), ("chrony", None)])
def test_whatever_keeps_the_time_goes_on_keeping_it(clock: str, wanted: str | None) -> None:
    assert HOST.payload(found(clock=clock)).get("clock") == wanted


def kernel(**other: str | None) -> list[str]:
    """What differs of the kernel settings on a box that has these and all others as wanted."""
    (one,) = (each for each in wanted(Server(host="192.0.2.1")) if isinstance(each, Confirmed))
    there = {"paths": [one.files[0].wanted()], "leftovers": []}
    answer = {"files": there, "loaded": "1", "current": "1", "pending": False}
    return list(one.differences({**answer, "sysctl": {**one.sysctl, **other}}))


def test_kernel_settings_that_a_container_cannot_change_are_left_out() -> None:
    assert kernel(**{"vm.swappiness": None}) == []


def test_a_kernel_setting_that_differs_is_named_with_what_it_is() -> None:
    name = "net.ipv4.conf.*.accept_redirects"
    assert kernel(**{name: "0 and 1"}) == [f"{name}: 0 and 1, not 0"]


@pytest.mark.parametrize("setting", [{"swap_mb": -1}, {"journal_mb": 1}, {"journal_mb": "much"}])
def test_sizes_that_make_no_sense_are_refused(setting: dict[str, Any]) -> None:
    assert Base(**setting).faults
