"""Which services run files that were replaced."""

from __future__ import annotations

from typing import Any

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


def shown(**more: str) -> dict[str, str]:
    return {"ActiveState": "active", "Transient": "no", "Type": "simple", "Slice": "system.slice", **more}


def test_apps_start_again_last_and_what_only_a_reboot_can_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    there: dict[str, Any] = {
        "a-web@1.service": shown(Slice="boxkeeper-a.slice"),
        "dbus.service": shown(),
        "nginx.service": shown(),
        "boxkeeper-patch@now.service": shown(ActiveState="activating", Type="oneshot"),
        "boxkeeper-release-a.service": shown(Transient="yes"),
    }
    again: list[str] = []
    monkeypatch.setattr(outdated, "services", lambda: sorted(there))
    monkeypatch.setattr(units, "show", lambda names, properties: there)
    monkeypatch.setattr(units, "do", lambda verb, unit: again.append(f"{verb} {unit}"))
    running = {"dbus.service": ["7"], "systemd-logind.service": ["8"]}
    monkeypatch.setattr(units, "processes", lambda names: {unit: running[unit] for unit in names if unit in running})
    monkeypatch.setattr(outdated, "_is_outdated", lambda maps: maps == "/proc/7/maps")
    assert outdated.restart() == ["nginx.service", "a-web@1.service"]
    assert again == ["restart nginx.service", "restart a-web@1.service"]
    assert outdated.left() == ["dbus.service"]
