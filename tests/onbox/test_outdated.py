"""Which services run files that were replaced."""

from __future__ import annotations

import pytest

from onbox import outdated, units

CODE = "7f00-7f01 r-xp 00000000 fe:01 123   "


@pytest.mark.parametrize(
    ("line", "is_outdated"),
    [
        (f"{CODE}/usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)\n", True),
        (f"{CODE}/usr/bin/a program (deleted)\n", True),
        (f"{CODE}/usr/lib/x86_64-linux-gnu/libssl.so.3\n", False),
        ("7f00-7f01 r--p 00000000 fe:01 123   /usr/share/locale/x (deleted)\n", False),
        (f"{CODE}/memfd:jit (deleted)\n", False),
        (f"{CODE}/dev/zero (deleted)\n", False),
        ("7f00-7f01 r-xp 00000000 00:00 0 \n", False),
    ],
)
def test_code_of_a_file_that_is_gone_is_old(line: str, is_outdated: bool) -> None:
    assert outdated.is_outdated([line]) is is_outdated


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/system.slice/nginx.service\n", "nginx.service"),
        (
            "0::/system.slice/system-postgresql.slice/postgresql@17-main.service\n",
            "postgresql@17-main.service",
        ),
        ("0::/boxkeeper.slice/boxkeeper-shop.slice/shop-web@1.service\n", "shop-web@1.service"),
        ("0::/user.slice/user-0.slice/session-3.scope\n", ""),
        ("0::/user.slice/user-0.slice/user@0.service/init.scope\n", ""),
        ("0::/init.scope\n", ""),
    ],
)
def test_a_process_belongs_to_the_service_of_its_group(cgroup: str, unit: str) -> None:
    assert outdated.unit_of(cgroup) == unit


def test_what_only_a_reboot_can_start_again_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    running = {"dbus.service": ["7"], "systemd-logind.service": ["8"]}
    monkeypatch.setattr(units, "processes", lambda names: {unit: running[unit] for unit in names if unit in running})
    monkeypatch.setattr(outdated, "runs_old", lambda process: process == "7")
    assert outdated.left() == ["dbus.service"]
