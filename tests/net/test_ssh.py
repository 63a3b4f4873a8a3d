"""Who may log in, and that nobody is locked out by finding out."""

from __future__ import annotations

import re
import time

import pytest

from tests.net.box import Net

pytestmark = pytest.mark.target

STRANGER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILXMZ2vft0c3WtEzNfPit2cZM+cUiQGJY6171lEPE0js stranger"
MAIN = "/etc/ssh/sshd_config"


def test_a_second_run_changes_nothing(net: Net) -> None:
    assert net.changes() == []


def test_it_costs_one_login_and_one_exec(net: Net) -> None:
    net.target.succeed("journalctl --sync; rm -f /tmp/seen; journalctl --lines=1 --cursor-file=/tmp/seen")
    net.converge()
    net.target.succeed("journalctl --sync")
    log = net.target.succeed("journalctl -t sshd -t sshd-session --cursor-file=/tmp/seen --output=cat")
    assert log.count("Accepted publickey") == 1, log
    assert log.count("Starting session: command") == 1, log


def test_only_the_admin_gets_in_and_only_by_key(net: Net) -> None:
    net.target.succeed("echo root:an-easy-guess | chpasswd; echo admin:an-easy-guess | chpasswd")
    assert net.log_in("admin")
    assert not net.log_in("root")
    assert not net.log_in("root", password="an-easy-guess")
    assert not net.log_in("admin", password="an-easy-guess")
    net.target.succeed("passwd -l root; passwd -l admin")
    assert net.log_in("admin")


def test_a_drop_in_of_cloud_init_does_not_win(net: Net) -> None:
    net.target.succeed("echo 'PasswordAuthentication yes' >/etc/ssh/sshd_config.d/50-cloud-init.conf")
    net.target.succeed("systemctl reload ssh")
    assert net.changes() == []
    assert net.sshd("passwordauthentication") == "no"


@pytest.mark.parametrize("edit", ["s/^Include/#Include/", "1iPermitRootLogin yes"])
def test_a_main_file_that_would_outdo_our_drop_in_is_mended(net: Net, edit: str) -> None:
    net.target.succeed(f"sed -i '{edit}' {MAIN} && systemctl reload ssh")
    assert net.sshd("permitrootlogin") != "no"
    net.converge()
    assert net.sshd("permitrootlogin") == "no"
    assert net.changes() == []
    net.target.succeed(f"sed -i '/PermitRootLogin yes/d' {MAIN}")


def test_a_match_block_that_outdoes_everything_stops_the_run(net: Net) -> None:
    block = "/etc/ssh/sshd_config.d/60-match.conf"
    net.target.succeed(f"printf 'Match User root\\n    PermitRootLogin yes\\n' >{block}")
    said = net.refused()
    assert "sshd keeps permitrootlogin no and yes" in said
    net.target.succeed(f"systemctl reload ssh; sleep 1; rm {block}")
    assert net.log_in("root")
    net.converge()
    assert not net.log_in("root")
    assert net.changes() == []


def test_a_broken_configuration_stops_the_run_and_sshd_still_answers(net: Net) -> None:
    net.target.succeed(f"echo 'Bogus yes' >>{MAIN}")
    assert "Bad configuration option: Bogus" in net.refused()
    assert net.log_in()
    net.target.succeed(f"sed -i '/Bogus/d' {MAIN}")
    net.converge()
    assert net.changes() == []


def test_keys_without_ours_are_taken_back(net: Net) -> None:
    said = net.refused(keys=[STRANGER])
    assert "admin is refused; add the public key that you log in with to Ssh(keys=...)" in said
    assert net.log_in()
    assert net.changes() == []


def test_algorithms_that_this_machine_does_not_speak_are_refused_before_anything_is_written(net: Net) -> None:
    before = net.target.succeed("stat -c %z /etc/ssh/sshd_config.d/00-boxkeeper.conf")
    said = net.refused(mishap="post-quantum only")
    assert "can speak none of sshd's kexalgorithms" in said
    assert net.target.succeed("stat -c %z /etc/ssh/sshd_config.d/00-boxkeeper.conf") == before


def test_algorithms_that_lock_out_all_the_same_are_taken_back_at_once(net: Net) -> None:
    said = net.refused(mishap="post-quantum only, forced")
    assert "is taken back, because a new login failed" in said
    assert net.log_in()
    assert net.changes() == []


def test_rights_that_let_nobody_become_root_are_taken_back_by_the_box(net: Net) -> None:
    said = net.refused(mishap="no sudo", seconds=4)
    assert re.search(r"will be taken back by the box within \d+ s, because a new login failed: sudo", said), said
    net.target.wait_until("! systemctl is-active -q boxkeeper-revert-sshd.timer", seconds=30)
    time.sleep(1)
    assert net.target.succeed("cat /etc/sudoers.d/boxkeeper").endswith("NOPASSWD: ALL")
    assert net.changes() == []


def test_a_run_killed_before_the_new_login_is_taken_back_by_the_box_and_done_again_by_the_next(net: Net) -> None:
    net.target.succeed("sed -i s/MaxAuthTries.*// /etc/ssh/sshd_config.d/00-boxkeeper.conf; systemctl reload ssh")
    changed = net.target.succeed("cat /etc/ssh/sshd_config.d/00-boxkeeper.conf")
    assert net.run("-y", mishap="killed before the new login", seconds=4).code == -9
    assert net.target.succeed("cat /etc/ssh/sshd_config.d/00-boxkeeper.conf") != changed
    net.target.wait_until("! systemctl is-active -q boxkeeper-revert-sshd.timer", seconds=15)
    time.sleep(1)
    assert net.target.succeed("cat /etc/ssh/sshd_config.d/00-boxkeeper.conf") == changed
    net.converge()
    assert net.sshd("maxauthtries") == "3"
    assert net.changes() == []


def test_a_reboot_before_the_new_login_takes_it_back_too(net: Net) -> None:
    net.target.succeed("sed -i s/MaxAuthTries.*// /etc/ssh/sshd_config.d/00-boxkeeper.conf; systemctl reload ssh")
    assert net.run("-y", mishap="killed before the new login").code == -9
    net.target.reboot()
    assert net.sshd("maxauthtries") == "6"
    net.converge()
    assert net.changes() == []
    net.target.reboot()
    assert net.changes() == []


@pytest.mark.parametrize("listener", ["ssh.service", "ssh.socket"])
def test_sshd_moves_to_another_port_and_back(net: Net, listener: str) -> None:
    direct = {"host": net.target.address, "port": 22}
    _known(net, 22, 2222)
    if listener == "ssh.socket":
        net.target.succeed("systemctl disable ssh.service; systemctl stop ssh; systemctl enable --now ssh.socket")
    net.converge(**direct, ssh_port=2222)
    assert net.log_in(port=2222)
    assert not net.log_in(port=22)
    assert net.changes(**direct, ssh_port=2222) == []
    net.target.succeed(f"systemctl stop ssh.socket ssh.service; systemctl start {listener}")
    assert net.changes(**direct, ssh_port=2222) == []
    net.converge(**{**direct, "port": 2222}, ssh_port=22)
    assert net.log_in(port=22)
    assert not net.log_in(port=2222)
    assert net.changes(**direct, ssh_port=22) == []


def _known(net: Net, *ports: int) -> None:
    """Pin the host keys at the box's own address."""
    keys = net.target.succeed("cat /etc/ssh/ssh_host_*_key.pub").splitlines()
    address = net.target.address
    names = [address if port == 22 else f"[{address}]:{port}" for port in ports]
    with (net.target.folder / "known_hosts").open("a") as file:
        file.writelines(f"{name} {' '.join(key.split()[:2])}\n" for name in names for key in keys)
