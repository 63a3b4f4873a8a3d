"""The box itself, as it is found after a run."""

from __future__ import annotations

import pytest

from tests.net.box import Net

pytestmark = pytest.mark.target


def test_it_has_its_name_and_its_time_zone(net: Net) -> None:
    assert net.target.succeed("hostname; cat /etc/hostname").split() == ["netbox", "netbox"]
    assert net.target.succeed("date +%Z") == "UTC"
    assert "127.0.1.1" in net.target.succeed("getent hosts netbox || grep netbox /etc/hosts")


def test_exactly_one_program_keeps_the_time(net: Net) -> None:
    units = "systemd-timesyncd chrony ntpsec openntpd"
    enabled = net.target.execute(f"systemctl is-enabled {units} 2>/dev/null")[1].split()
    assert enabled.count("enabled") == 1


def test_a_clock_that_was_switched_off_is_switched_on_again(net: Net) -> None:
    net.target.succeed("systemctl disable systemd-timesyncd")
    assert net.changes() == ["base: host"]
    net.converge()
    assert net.changes() == []


def test_security_updates_come_by_themselves_and_nothing_else_does(net: Net) -> None:
    said = net.target.succeed("unattended-upgrade --dry-run --debug 2>&1")
    allowed = next(line for line in said.splitlines() if "Allowed origins are" in line)
    assert "-security" in allowed
    assert all("security" in origin for origin in allowed.partition(":")[2].split(", "))
    assert net.target.succeed("apt-config shell on APT::Periodic::Unattended-Upgrade") == "on='1'"
    net.target.succeed("systemctl is-active apt-daily.timer apt-daily-upgrade.timer")


def test_needrestart_asks_nothing_and_spares_databases(net: Net) -> None:
    read = 'perl -e \'our %nrconf; do "/etc/needrestart/needrestart.conf"; print "$nrconf{restart} "; '
    read += 'print map { "postgresql\\@17-main" =~ $_ ? $nrconf{override_rc}{$_} : () } keys %{$nrconf{override_rc}}\''
    assert net.target.succeed(read).startswith("a 0")


def test_the_journal_is_capped_even_where_a_provider_says_otherwise(net: Net) -> None:
    net.target.succeed("printf '[Journal]\\nSystemMaxUse=9G\\n' >/etc/systemd/journald.conf.d/50-cloud.conf")
    merged = net.target.succeed("systemd-analyze cat-config systemd/journald.conf | grep ^SystemMaxUse | tail -1")
    net.target.succeed("rm /etc/systemd/journald.conf.d/50-cloud.conf")
    assert merged == "SystemMaxUse=200M"


def test_a_program_of_ours_says_what_went_wrong_in_one_line(net: Net) -> None:
    code, said = net.target.execute("python3 -I /usr/local/lib/boxkeeper logins trusted 192.0.2.1")
    assert (code, said) == (1, "nobody has logged in by key from 192.0.2.1 in the last 7 days")


@pytest.mark.parametrize(
    ("lie", "said"),
    [("s/^VERSION_ID=.*/VERSION_ID=9/", " 9; supported:"), ("s/^ID=.*/ID=centos/", "runs centos ")],
)
def test_a_box_that_is_not_supported_is_refused_before_anything_changes(net: Net, lie: str, said: str) -> None:
    net.target.succeed(
        f"cp -L /etc/os-release /tmp/os; sed -i --follow-symlinks '{lie}' /etc/os-release; hostname other"
    )
    try:
        refused = net.refused(code=2)
        assert said in refused
        assert "nothing was changed" in refused
        assert net.target.succeed("hostname") == "other"
    finally:
        net.target.succeed("cat /tmp/os >/etc/os-release; hostname netbox")
    assert net.changes() == []


def test_kernel_settings_are_put_right_where_they_can_be_written_and_back_where_nobody_comes_through(net: Net) -> None:
    # a container may write only those of its own network, and only through a mount of its own
    net.target.succeed("mkdir -p /tmp/proc; mount -t proc proc /tmp/proc; mount --bind /tmp/proc/sys/net /proc/sys/net")
    try:
        net.target.succeed("echo 1 >/proc/sys/net/ipv4/conf/all/accept_redirects")
        assert net.changes() == ["base: kernel"]
        net.converge()
        assert net.target.succeed("cat /proc/sys/net/ipv4/conf/all/accept_redirects") == "0"
        assert net.changes() == []

        net.target.succeed("echo 1 >/proc/sys/net/ipv4/conf/all/accept_redirects")
        assert net.run("-y", mishap="killed before the new login", seconds=4).code == -9
        assert net.target.succeed("cat /proc/sys/net/ipv4/conf/all/accept_redirects") == "0"
        net.target.wait_until("grep 1 /proc/sys/net/ipv4/conf/all/accept_redirects", seconds=15)
        net.converge()
        assert net.changes() == []
    finally:
        net.target.succeed("umount /proc/sys/net /tmp/proc")
