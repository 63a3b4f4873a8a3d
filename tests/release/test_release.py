"""Releases that nobody notices, and ones that are killed at every step."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from target.load import KEPT, Load
from target.pulse.trial import INVENTORY, Site
from target.run import boxkeeper, start

pytestmark = pytest.mark.target
STEPS = ("build", "pulse-python-release", "start")
"""Those that take long enough to be met here; tests/onbox/test_killed.py kills at each single command."""


def test_a_second_run_leaves_a_release_that_was_rolled_back_to(pulse: Site) -> None:
    first = pulse.live()
    assert pulse.release("two").code == 0
    assert pulse.roll_back(first).code == 0
    assert pulse.converge("--dry", "--json").changes == []


def test_another_environment_is_a_release_that_nobody_notices(pulse: Site) -> None:
    before = pulse.live()
    noted = Site(pulse.target, pulse.folder, pulse.kind, {"PULSE_NOTE": "other"})
    with quiet(pulse):
        assert noted.converge("-y").code == 0
    assert pulse.live() != before
    assert record(pulse)["build"] == record(pulse, before)["build"]
    assert pulse.converge("-y").code == 0


def test_what_is_open_longer_than_its_time_is_closed_with_a_word(pulse: Site) -> None:
    short = Site(pulse.target, pulse.folder, pulse.kind, {"PULSE_DRAIN": "15"})
    assert short.release("short").code == 0
    with short.load(sockets=5, talk=False) as load:
        assert short.release("next").code == 0
        assert load.cut == []
        deadline = time.monotonic() + 120
        while len(load.cut) < 5 and time.monotonic() < deadline:
            time.sleep(0.1)
    assert len(load.cut) == 5
    assert all("1012" in cut for cut in load.cut), load.cut
    assert load.failed == []
    assert pulse.target.succeed("systemctl --failed --plain --no-legend").strip() == ""


@pytest.mark.parametrize("step", STEPS)
def test_a_release_that_is_killed_leaves_what_serves_and_the_next_one_works(pulse: Site, step: str) -> None:
    unit = f"boxkeeper-release-{pulse.app}.service"
    with quiet(pulse):
        pulse.write(f"killed-{step}")
        begun = start(INVENTORY, "deploys/apps.py", environment=pulse.environment)
        reach(pulse, step)
        pulse.target.succeed(f"systemctl kill --kill-whom=main -s KILL {unit}")
        assert (begun.wait(60) == 0) == (record(pulse)["source"] == record(pulse, newest(pulse))["source"])
        pulse.target.wait_until(f"! systemctl is-active {unit}", 30)
        assert record(pulse, newest(pulse))["result"] in ("cut off", "live")
        assert pulse.release(f"after-{step}").code == 0
    assert len(slots(pulse)) <= 2 + len(draining(pulse))
    assert pulse.target.succeed("systemctl --failed --plain --no-legend").strip() == ""


@pytest.mark.parametrize("step", STEPS)
def test_a_release_goes_on_when_who_asked_for_it_is_killed(pulse: Site, step: str) -> None:
    with quiet(pulse):
        pulse.write(f"alone-{step}")
        begun = start(INVENTORY, "deploys/apps.py", environment=pulse.environment)
        reach(pulse, step)
        begun.kill()
        begun.wait()
        pulse.target.wait_until(f"! systemctl is-active boxkeeper-release-{pulse.app}.service", 60)
        assert record(pulse)["result"] == "live"
        assert pulse.converge("--dry", "--json").changes == []


def test_beside_a_release_another_one_is_refused_with_who_makes_the_first_and_how_to_end_it(pulse: Site) -> None:
    pulse.write("broken")
    begun = start(INVENTORY, "deploys/apps.py", environment=pulse.environment)
    reach(pulse, "start")
    refused = boxkeeper("release", str(INVENTORY), pulse.app, environment=pulse.environment)
    told = json.loads(boxkeeper("releases", str(INVENTORY), pulse.app, "--json", environment=pulse.environment).stdout)
    assert refused.returncode == 2
    assert f"{pulse.app} is being released: {newest(pulse)} by ".encode() in refused.stderr, refused.stderr
    end = re.search(rb"to end and undo that: `echo (.*) \| boxkeeper shell", refused.stderr)
    assert end, refused.stderr
    assert told["under_way"]["name"] == newest(pulse)
    pulse.target.succeed(end[1].decode())
    assert begun.wait(60) != 0
    assert record(pulse, newest(pulse))["result"] == "cut off"
    assert pulse.release("after-another").code == 0


def test_a_disk_that_fills_up_during_a_build_leaves_what_serves_and_the_next_one_works(pulse: Site) -> None:
    with quiet(pulse):
        room = int(pulse.target.succeed("df --output=avail -k /srv | tail -1"))
        pulse.target.succeed(f"fallocate -l {room - 2000}K /srv/ballast")
        failed = pulse.release("full")
        pulse.target.succeed("rm /srv/ballast")
        assert failed.code != 0
        assert "No space left" in failed.output, failed.output
        assert pulse.release("roomy").code == 0


def test_a_box_too_small_for_two_copies_restarts_in_place_and_loses_no_request(pulse: Site) -> None:
    small = "sed 's/^MemAvailable:.*/MemAvailable: 100000 kB/' /proc/meminfo >/run/meminfo"
    pulse.target.succeed(f"{small} && mount --bind /run/meminfo /proc/meminfo")
    try:
        with pulse.load(sockets=3, talk=False) as load:
            assert pulse.release("small").code == 0
            died = pulse.release("dying")
            time.sleep(1)
        assert died.code != 0
        assert "did not get healthy; the one before it is back" in died.output, died.output
        assert "  this version ends right after it starts" in died.output, "its own words"
        assert load.failed == []
        assert record(pulse)["how"] == "in place"
        assert "small" in load.seen
        assert all("1012" in cut for cut in load.cut), load.cut
        assert len(load.cut) == 3
        assert pulse.release("broken").code != 0
        assert version(pulse) == "small"
    finally:
        pulse.target.succeed("umount /proc/meminfo")
    assert pulse.release("large").code == 0
    assert record(pulse)["how"] == ""


def test_what_runs_a_replaced_library_hands_over_and_no_socket_is_cut_and_no_request_fails(pulse: Site) -> None:
    before = pulse.live()
    with pulse.load(sockets=3, talk=False) as first:
        replace_library(pulse)
        assert first.cut == []
        with pulse.load(sockets=20) as load:
            replace_library(pulse)
        assert load.cut == []
        assert len(first.cut) == 3, "beside two nginx no third one starts"
    # As at any reload, nginx closes connections that are idle, in the moment of a request perhaps: it is asked again.
    closed = "RemoteProtocolError: Server disconnected without sending a response."
    assert {*load.failed, *first.failed} <= {closed}
    assert max(len(load.failed), len(first.failed) / 2) <= KEPT
    assert pulse.live() == before
    servers = "pgrep -f 'nginx|uvicorn|node' | sed 's:.*:/proc/&/maps:'"
    pulse.target.succeed(f"grep -qs libcrypto $({servers})")
    pulse.target.wait_until(f"! grep -qs 'libcrypto.*(deleted)' $({servers})")
    pulse.target.wait_until('test "$(systemctl show -P MainPID nginx)" = "$(cat /run/nginx.pid)"')
    assert pulse.target.succeed("systemctl --failed --plain --no-legend").strip() == ""


def test_after_a_reboot_what_was_live_is_live(pulse: Site) -> None:
    before = version(pulse)
    pulse.target.succeed("cp -a /srv /var/kept && umount -l /srv && rmdir /srv && mv /var/kept /srv")  # out of memory
    pulse.target.reboot()
    deadline = time.monotonic() + 180
    while version(pulse) != before:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert len(slots(pulse)) == 1


def replace_library(site: Site) -> None:
    """As an update does it; and have what runs the one of before run this one."""
    site.target.succeed(
        "library=$(readlink -f $(ldconfig -p | awk '/libcrypto.so.3 / {print $NF; exit}'))\n"
        "cp -p $library $library.new && mv $library.new $library && python3 -I /usr/local/lib/boxkeeper renewal renew"
    )


def version(site: Site) -> str:
    """What answers as a client asks; "" where nothing does."""
    with Load(f"{site.kind}.localhost", site.target.port(443), sockets=0) as load:
        time.sleep(1)
    return "" if load.failed else max(load.seen, default="")


@contextmanager
def quiet(site: Site) -> Iterator[Load]:
    """A stretch of time in which no client notices anything."""
    with site.load(sockets=20) as load:
        yield load
    assert load.failed == []
    assert load.cut == []


def reach(site: Site, step: str) -> None:
    """Wait until the release that was just begun is at a step: on the box, so that a short one is not missed."""
    newest_record = f"$(ls -d /srv/{site.app}/releases/* | tail -1)/release.json"
    met = f"""tr -d '\\n' <{newest_record} | grep -q '"step": "{step}".*"result": null'"""
    site.target.succeed(f"timeout 120 sh -c {shlex.quote(f'until {met}; do sleep 0.02; done')}")


def newest(site: Site) -> str:
    return site.target.succeed(f"ls /srv/{site.app}/releases | tail -1").strip()


def record(site: Site, release: str = "") -> Any:
    return json.loads(site.target.succeed(f"cat /srv/{site.app}/releases/{release or site.live()}/release.json"))


def slots(site: Site) -> list[str]:
    return site.target.succeed(f"ls /srv/{site.app}/slots").split()


def draining(site: Site) -> list[str]:
    return site.target.succeed(f"ls /srv/{site.app}/slots/*/draining 2>/dev/null || true").split()
