"""What reaches the box, what does not, and that nobody is locked out by finding out."""

from __future__ import annotations

import time

import pytest

from tests.net.box import Net

pytestmark = pytest.mark.target

INSIDE = {"4": "10.77.0.1", "6": "fd77::1"}
OUTSIDE = {"4": "10.77.0.2", "6": "fd77::2"}
TABLE = "nft list table inet boxkeeper"


@pytest.fixture(scope="module")
def outside(net: Net) -> Net:
    """The box with a neighbour: a network namespace on the other end of a cable."""
    run = net.target.succeed
    run("ip netns list | grep -q outside || ip netns add outside")
    run("ip link show cable 2>/dev/null || ip link add cable type veth peer name eth0 netns outside")
    run("sysctl -qw net.ipv6.conf.all.disable_ipv6=0 2>/dev/null || true")
    for command in (
        f"ip addr replace {INSIDE['4']}/24 dev cable",
        f"ip -6 addr replace {INSIDE['6']}/64 dev cable nodad",
    ):
        run(command)
    run("ip link set cable up; ip netns exec outside ip link set eth0 up; ip netns exec outside ip link set lo up")
    run(f"ip netns exec outside ip addr replace {OUTSIDE['4']}/24 dev eth0")
    run(f"ip netns exec outside ip -6 addr replace {OUTSIDE['6']}/64 dev eth0 nodad")
    return net


def _reaches(net: Net, port: int, family: str = "4") -> bool:
    knock = f"import socket; socket.create_connection(('{INSIDE[family]}', {port}), timeout=2)"
    return net.target.execute(f'ip netns exec outside python3 -c "{knock}"')[0] == 0


@pytest.mark.parametrize("family", ["4", "6"])
def test_from_outside_only_what_is_declared_answers(outside: Net, family: str) -> None:
    listen = "python3 -m http.server --bind ::"
    outside.target.succeed(
        f"systemd-run -q --unit=open-{family} {listen} 8443; systemd-run -q --unit=shut-{family} {listen} 9999"
    )
    outside.target.wait_until("ss -Hltn | grep -q :9999")
    outside.converge(ports=["tcp/8443"])
    assert [port for port in (22, 8443, 9999) if _reaches(outside, port, family)] == [22, 8443]
    assert outside.target.execute(f"ip netns exec outside ping -c1 -W2 {INSIDE[family]}")[0] == 0
    outside.converge()
    assert not _reaches(outside, 8443, family)
    outside.target.succeed(f"systemctl stop open-{family} shut-{family}")


@pytest.mark.parametrize("family", ["4", "6"])
def test_only_the_cdn_that_every_app_is_behind_reaches_the_web_server(outside: Net, family: str) -> None:
    outside.target.succeed(f"systemd-run -q --unit=web-{family} python3 -m http.server --bind :: 80")
    outside.target.wait_until("ss -Hltn | grep -q :80")
    outside.converge(ranges=["192.0.2.0/24", "2001:db8::/32"])
    assert not _reaches(outside, 80, family)
    assert _reaches(outside, 22, family)
    near = [f"{OUTSIDE['4']}/32", f"{OUTSIDE['6']}/128"]
    outside.converge(ranges=near)
    assert _reaches(outside, 80, family)
    assert outside.changes(ranges=near) == []
    outside.target.succeed(f"systemctl stop web-{family}")
    outside.converge()


def test_a_ban_bans_and_outlives_a_run_that_changes_the_firewall(outside: Net) -> None:
    attempt = f"ssh -n -o BatchMode=yes -o StrictHostKeyChecking=no nobody-here@{INSIDE['4']}"
    outside.target.wait_until("fail2ban-client status sshd")
    for _ in range(40):
        outside.target.execute(f"ip netns exec outside timeout 5 {attempt}")
        if OUTSIDE["4"] in outside.target.succeed("fail2ban-client get sshd banip"):
            break
        time.sleep(1)
    assert OUTSIDE["4"] in outside.target.succeed("nft list ruleset")
    assert not _reaches(outside, 22)
    outside.converge(ports=["tcp/8443"])
    outside.converge()
    assert OUTSIDE["4"] in outside.target.succeed("nft list ruleset")
    assert not _reaches(outside, 22)
    outside.target.succeed("fail2ban-client unban --all")
    assert _reaches(outside, 22)


def test_other_tables_are_left_alone(net: Net) -> None:
    net.target.succeed("nft add table ip nat; nft add chain ip nat DOCKER")
    net.target.succeed("nft add rule inet boxkeeper input tcp dport 1 accept")
    net.converge()
    net.target.succeed("nft list chain ip nat DOCKER")
    net.target.succeed("nft delete table ip nat")


@pytest.mark.parametrize(
    "hand",
    ["nft add rule inet boxkeeper input tcp dport 9999 accept", "nft delete table inet boxkeeper", "nft flush ruleset"],
)
def test_what_was_changed_by_hand_is_put_right(net: Net, hand: str) -> None:
    before = net.target.succeed(TABLE)
    net.target.succeed(hand)
    assert net.changes() == ["firewall: firewall"]
    net.converge()
    assert net.target.succeed(TABLE) == before
    assert net.changes() == []


def test_only_root_asks_the_clouds_metadata_service(net: Net) -> None:
    net.target.succeed("ip addr replace 169.254.169.254/32 dev lo")
    net.target.succeed("systemd-run -q --unit=metadata python3 -m http.server --bind 169.254.169.254 80")
    ask = "import urllib.request; urllib.request.urlopen('http://169.254.169.254/', timeout=3)"
    net.target.wait_until(f'python3 -c "{ask}"')
    assert "refused" in net.target.fail(f'runuser -u www-data -- python3 -c "{ask}" 2>&1')
    net.target.succeed("systemctl stop metadata; ip addr del 169.254.169.254/32 dev lo")


def test_rules_without_the_ssh_port_are_taken_back_at_once(net: Net) -> None:
    before = net.target.succeed(TABLE)
    said = net.refused(mishap="no ssh rule")
    assert "is taken back, because a new login failed" in said
    assert net.target.succeed(TABLE) == before
    assert net.log_in()
    assert net.changes() == []


def test_rules_without_the_ssh_port_are_taken_back_by_the_box_when_the_run_was_killed(net: Net) -> None:
    before = net.target.succeed(TABLE)
    assert net.run("-y", mishap="no ssh rule, then killed", seconds=5).code == -9
    assert not net.log_in()
    net.target.wait_until("! systemctl is-active -q boxkeeper-revert-firewall.timer", seconds=15)
    time.sleep(1)
    assert net.target.succeed(TABLE) == before
    assert net.log_in()
    assert net.changes() == []


def test_a_box_that_comes_with_ufw_ends_up_with_one_firewall(outside: Net) -> None:
    run = outside.target.succeed
    apt = "DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300"
    run(f"{apt} install -y --no-install-recommends ufw iptables >/dev/null")
    run("ufw allow 22/tcp; ufw --force enable")
    run("systemd-run -q --unit=open python3 -m http.server --bind :: 8443")
    assert not _reaches(outside, 8443)
    outside.converge(ports=["tcp/8443"])
    assert "inactive" in run("ufw status")
    assert _reaches(outside, 8443)
    assert _reaches(outside, 22)
    assert outside.changes(ports=["tcp/8443"]) == []
    run("systemctl stop open; apt-get -qq -o DPkg::Lock::Timeout=300 purge -y ufw >/dev/null")
    outside.converge()


def test_after_a_reboot_the_firewall_stands_before_sshd_listens(net: Net) -> None:
    before = net.target.succeed(TABLE)
    net.target.reboot()
    assert net.target.succeed(TABLE) == before
    when = "systemctl show --property=ActiveEnterTimestampMonotonic --value"
    net.target.succeed(f"test $({when} boxkeeper-firewall) -le $({when} ssh)")
    assert net.changes() == []
