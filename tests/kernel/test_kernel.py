"""What only a kernel of its own shows: its settings, swap, limits that bite, and a reboot that starts a kernel."""

from __future__ import annotations

import re
import shlex

import pytest

from roles.base import KERNEL
from tests.kernel.box import JOURNAL_MB, Kernel

pytestmark = pytest.mark.target
TIMESYNCD = "/run/systemd/timesyncd.conf.d"
TIME_SERVER = """
import socket, struct, time
right = time.time() - time.monotonic() + 2208988800  # whatever the clock is set to from now on; NTP counts from 1900
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("127.0.0.1", 123))
    while True:
        asked, client = server.recvfrom(512)
        now = struct.pack("!II", *divmod(int((right + time.monotonic()) * 2**32), 2**32))
        head = struct.pack("!BBbb", 0x24, 1, 6, -20) + bytes(8) + b"TEST"
        server.sendto(head + now + asked[40:48] + now + now, client)
"""
"""A time server of its own, for a machine that reaches no other: RFC 4330, as far as timesyncd reads it."""

WANTED = {name: value for name, value, _ in KERNEL if "*" not in name}


def test_a_second_run_changes_nothing(kernel: Kernel) -> None:
    assert kernel.changes() == []


def test_every_kernel_setting_is_in_force(kernel: Kernel) -> None:
    assert kernel.settings() == WANTED


def test_on_no_interface_others_decide_where_packets_go(kernel: Kernel) -> None:
    assert kernel.trusting() == []
    kernel.machine.succeed("ip link add later type veth peer name other && udevadm settle")
    try:
        assert kernel.trusting() == []
        assert kernel.changes() == []
    finally:
        kernel.machine.succeed("ip link del later")


def test_one_interface_changed_by_hand_is_put_right(kernel: Kernel) -> None:
    kernel.machine.succeed("echo 1 | tee /proc/sys/net/ipv6/conf/e*/accept_redirects")
    assert kernel.changes() == ["base: kernel"]
    kernel.converge()
    assert kernel.trusting() == []
    assert kernel.changes() == []


def test_swap_is_as_much_as_memory_and_only_for_root(kernel: Kernel) -> None:
    memory = int(kernel.machine.succeed("free -m | awk '/^Mem:/ { print $2 }'"))
    assert abs(kernel.swap_mb() - memory) <= 1
    assert kernel.machine.succeed("stat -c %a%U /swapfile") == "600root"


def test_the_journal_keeps_no_more_than_its_share(kernel: Kernel) -> None:
    lines = f"head -c {2 * JOURNAL_MB}M /dev/urandom | base64 -w 40000"  # long ones: journald counts lines to slow down
    kernel.machine.succeed(f"{lines} | systemd-cat -t flood; journalctl --sync")
    assert kernel.machine.succeed("journalctl -t flood -n 1 -o cat | wc -c") != "0"
    kept = int(kernel.machine.succeed("du -sm /var/log/journal | cut -f 1"))
    assert JOURNAL_MB / 2 < kept <= JOURNAL_MB + 1  # the folder itself


def test_a_unit_that_takes_more_memory_than_it_may_is_ended(kernel: Kernel) -> None:
    # the first alone bites only once all swap is full, too
    limits = "-p MemoryMax=64M -p MemorySwapMax=0"
    take = "python3 -c 'print(len(b\"x\" * (200 << 20)))'"
    assert kernel.machine.succeed(f"systemd-run -q --wait --pipe {take}") == str(200 << 20)
    kernel.machine.fail(f"systemd-run -q --wait --pipe --unit=hungry {limits} {take}")
    assert kernel.machine.succeed("systemctl show -P Result hungry; systemctl reset-failed") == "oom-kill"


def test_a_unit_gets_no_more_of_a_processor_than_it_may(kernel: Kernel) -> None:
    spin = "import time; end = time.monotonic() + 4\nwhile time.monotonic() < end: pass\nprint(time.process_time() / 4)"
    took = {
        limit: float(kernel.machine.succeed(f"systemd-run -q --wait --pipe {limit} python3 -c {shlex.quote(spin)}"))
        for limit in ("", "-p CPUQuota=50%")
    }
    assert took["-p CPUQuota=50%"] < 0.75 * took[""], "of what it gets of the processor without a limit"


def test_a_clock_that_is_wrong_is_told_of_and_the_next_run_sets_it_right(kernel: Kernel) -> None:
    ask = "systemd-run -q --unit=time-server python3 -c"
    kernel.machine.succeed(f"{ask} {shlex.quote(TIME_SERVER)}")
    kernel.machine.succeed(f"mkdir -p {TIMESYNCD} && printf '[Time]\nNTP=127.0.0.1\n' >{TIMESYNCD}/test.conf")
    kernel.machine.succeed("systemctl disable -q --now systemd-timesyncd && date -s '+2 days'")
    try:
        assert re.search(r"BAD +clock +17\d{4} s ahead of ours\n +`timedatectl` on the box", kernel.check(code=1))
        assert kernel.changes() == ["base: host"]
    finally:
        kernel.converge()
    kernel.machine.wait_until("systemctl show -P StatusText systemd-timesyncd | grep -q 127.0.0.1", 60)
    assert re.search(r"ok +clock +as ours", kernel.check(code=0))
    kernel.machine.succeed(f"rm {TIMESYNCD}/test.conf; systemctl stop time-server")
    assert kernel.changes() == []


def test_after_a_reboot_everything_is_in_force_again(kernel: Kernel) -> None:
    swap = kernel.swap_mb()
    kernel.machine.reboot()
    assert kernel.settings() == WANTED
    assert kernel.trusting() == []
    assert kernel.swap_mb() == swap
    assert kernel.machine.succeed("systemctl is-system-running; hostname").split() == ["running", "kernelbox"]
    assert kernel.changes() == []
