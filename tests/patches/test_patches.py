"""Updates of a box: all that are well are installed, and none is left that breaks an app, or is only half there."""

from __future__ import annotations

import re

import pytest

from tests.apps.site import Site
from tests.patches.box import Box
from tests.patches.conftest import BULB, Patched

pytestmark = pytest.mark.target


def page(box: Box) -> int:
    """The status of the app's page."""
    return Site("shop.example.com", box.target.port(443)).ask("/").status_code


def test_what_broke_the_app_is_taken_back_held_and_named(patched: Patched) -> None:
    assert patched.box.version("shop-words") == "1"
    assert "shop-words" in patched.box.holds()
    assert re.search(r"^ +held shop-words below 2: .*shop: health: 500", patched.said, re.MULTILINE), patched.said
    assert page(patched.box) == 200
    assert "shop-words is held below 2" in patched.box.command("status", "ENV").stdout.decode()


def test_what_does_not_install_is_taken_back_whole_and_held(patched: Patched) -> None:
    assert patched.box.version("shop-hook") == "1"
    assert sorted(patched.box.holds()) == ["shop-hook", "shop-words"], "and nothing else"
    assert patched.box.target.succeed("dpkg --audit").strip() == ""


def test_a_second_run_finds_nothing_to_do(patched: Patched) -> None:
    assert patched.box.plan() == []
    assert "nothing to update" in patched.box.patch()


def test_the_version_after_a_held_one_is_tried(patched: Patched) -> None:
    patched.box.publish("shop-words", "3")
    patched.box.publish("shop-bulb", "2")
    patched.box.target.succeed("systemctl start boxkeeper-patch@now.service")
    assert patched.box.version("shop-bulb") == "2"
    assert patched.box.version("shop-words") == "3"
    assert patched.box.holds() == ["shop-hook"]
    assert patched.box.target.succeed("ls /var/lib/boxkeeper/patches/before 2>&1 || true").endswith(
        "such file or directory"
    )


def test_a_service_whose_file_was_replaced_runs_the_new_one(patched: Patched) -> None:
    pid = patched.box.target.succeed("systemctl show -P MainPID shop-bulb").strip()
    assert patched.box.target.succeed(f"readlink /proc/{pid}/exe").strip() == BULB


def test_one_that_is_killed_in_the_middle_is_healed_by_the_next(patched: Patched) -> None:
    patched.box.publish("shop-bulb", "3", hook="sleep 8")
    patched.box.target.succeed("apt-get -qq update; systemctl start --no-block boxkeeper-patch@now.service")
    # `configure`, as dpkg runs it: the old version's script has the same name, and is copied before, to be kept.
    patched.box.target.wait_until("pgrep -f '[s]hop-bulb.postinst configure'", 60)
    patched.box.target.succeed("systemctl kill --signal=KILL boxkeeper-patch@now.service")
    assert patched.box.target.succeed("dpkg --audit").strip() != "", "it was in the middle"
    patched.box.publish("shop-bulb", "4")
    patched.box.patch()
    assert patched.box.version("shop-bulb") == "4"
    assert patched.box.target.succeed("dpkg --audit; systemctl --failed --plain --no-legend").strip() == ""


def test_a_reboot_waits_for_its_window_unless_it_is_asked_for(patched: Patched) -> None:
    box = patched.box
    box.publish("shop-bulb", "5", hook="touch /run/reboot-required")
    began = box.target.succeed("uptime -s; systemctl show -P UserspaceTimestamp")
    said = box.patch()
    assert "wants a reboot, which waits" in said
    assert re.search(r"^ +shop-bulb 4 -> 5$", said, re.MULTILINE), said
    assert box.target.succeed("uptime -s; systemctl show -P UserspaceTimestamp") == began
    assert "an update wants a reboot" in box.command("status", "ENV").stdout.decode()
    said = box.patch("--reboot")
    assert "rebooted; everything was back" in said, said
    assert box.target.succeed("uptime -s; systemctl show -P UserspaceTimestamp") != began
    assert page(box) == 200
    assert box.command("status", "ENV").stdout.decode().count("reboot") == 0
