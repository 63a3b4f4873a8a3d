"""Which boxes are taken, and what differs on one."""

from __future__ import annotations

from typing import Any

import pytest

from roles.base import KERNEL, Base, Host, faults, swap_for

FINE: dict[str, Any] = {
    "distro": "ubuntu 24.04",
    "machine": "x86_64",
    "ram_mb": 460,
    "disk_free_mb": 8000,
    "writable": True,
    "container": False,
    "hostname": "box",
    "timezone": "Etc/UTC",
    "locale": "C.UTF-8",
    "swap_mb": 460,
    "clock": "chrony",
    "sysctl": {name: value for name, value, _ in KERNEL},
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
        ({"ram_mb": 230}, "has 230 MB of memory; it takes 400"),
        ({"disk_free_mb": 900}, "has 900 MB of free disk; it takes 2000"),
        ({"writable": False}, "has a read-only root file system"),
    ],
)
def test_a_box_that_will_not_do_is_refused_with_the_reason(other: dict[str, Any], said: str) -> None:
    assert [said in fault for fault in faults(found(**other))] == [True]


def test_all_faults_of_a_box_are_said_at_once() -> None:
    assert len(faults(found(distro="centos 9", ram_mb=1, disk_free_mb=1))) == 3


def test_nothing_differs_on_a_box_that_is_as_wanted() -> None:
    assert HOST.differences(found()) == []


def test_utc_by_its_other_name_is_as_wanted() -> None:
    assert HOST.differences(found(timezone="UTC")) == []


@pytest.mark.parametrize(("ram", "swap"), [(460, 512), (960, 960), (2000, 2000), (2500, 2048), (8000, 0)])
def test_swap_is_sized_to_memory(ram: int, swap: int) -> None:
    assert swap_for(ram) == swap


def test_a_swap_file_leaves_room_on_the_disk() -> None:
    assert HOST.payload(found(swap_mb=0, ram_mb=2000, disk_free_mb=2600)) == {"swap_mb": 600}
    assert HOST.payload(found(swap_mb=0, ram_mb=2000, disk_free_mb=2050)) == {}


def test_a_container_gets_no_swap_file() -> None:
    assert HOST.differences(found(swap_mb=0, container=True)) == []


def test_a_box_that_has_swap_keeps_it() -> None:
    assert Host("box", 4096).differences(found(swap_mb=100)) == []


@pytest.mark.parametrize(("clock", "wanted"), [("", "timesyncd"), ("chrony stopped", "chrony"), ("chrony", None)])
def test_whatever_keeps_the_time_goes_on_keeping_it(clock: str, wanted: str | None) -> None:
    assert HOST.payload(found(clock=clock)).get("clock") == wanted


def test_kernel_settings_that_a_container_cannot_change_are_left_out() -> None:
    assert HOST.differences(found(sysctl={**FINE["sysctl"], "vm.swappiness": None})) == []
    assert HOST.payload(found(sysctl={**FINE["sysctl"], "vm.swappiness": "60"})) == {"sysctl": True}


@pytest.mark.parametrize("setting", [{"swap_mb": -1}, {"journal_mb": 1}, {"journal_mb": "much"}])
def test_sizes_that_make_no_sense_are_refused(setting: dict[str, Any]) -> None:
    assert Base(**setting).faults
