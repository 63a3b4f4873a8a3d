"""A target behaves like a rented box that was handed over a minute ago."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from roles import Fault
from target import STATE, own
from target.box import Target
from target.container import _FIXED
from target.engine import engine
from target.image import image
from target.link import Link
from target.recipe import recipe

pytestmark = pytest.mark.target
NAME = own("boxkeeper-test-box")


@pytest.fixture(scope="module")
def box() -> Iterator[Target]:
    _remove(NAME)
    target = Target.start(NAME, publish=("5432/tcp", "3478/udp"))
    yield target
    target.remove()


def _remove(name: str) -> None:
    found = Target.find(name)
    if found:
        found.remove()


def ssh(box: Target, command: str, port: int | None = None) -> subprocess.CompletedProcess[str]:
    """OpenSSH with the target's own key and nothing but its pinned host keys."""
    options = ["-F", "none", "-i", str(box.folder / "id_ed25519"), "-p", str(port or box.port(22))]
    for option in ("BatchMode=yes", "StrictHostKeyChecking=yes", "GlobalKnownHostsFile=/dev/null"):
        options += ["-o", option]
    options += ["-o", f"UserKnownHostsFile={box.folder / 'known_hosts'}"]
    line = ["ssh", *options, "root@127.0.0.1", command]
    return subprocess.run(line, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)


def test_systemd_runs_and_no_unit_has_failed(box: Target) -> None:
    assert box.succeed("systemctl is-system-running") == "running"


def test_root_logs_in_with_the_key_of_the_target_and_its_pinned_host_keys(box: Target) -> None:
    login = ssh(box, "id -un; hostname")
    assert login.stdout.split() == ["root", NAME], login.stderr


def test_another_host_key_is_refused(box: Target) -> None:
    known = box.folder / "known_hosts"
    pinned = known.read_text()
    other = (box.folder / "id_ed25519.pub").read_text().split()[1]
    known.write_text(f"[127.0.0.1]:{box.port(22)} ssh-ed25519 {other}\n")
    try:
        login = ssh(box, "true")
    finally:
        known.write_text(pinned)
    assert login.returncode == 255
    assert "Host key verification failed" in login.stderr


def test_a_relay_is_a_known_host_once_it_is_pinned(box: Target) -> None:
    with Link(("127.0.0.1", box.port(22)), delay=0.001) as port:
        assert ssh(box, "true", port).returncode == 255
        box.pin(port)
        assert ssh(box, "true", port).returncode == 0


def test_the_private_key_is_for_its_owner_only(box: Target) -> None:
    assert (box.folder / "id_ed25519").stat().st_mode & 0o077 == 0


def test_it_is_like_a_box_from_a_provider(box: Target) -> None:
    assert box.succeed("passwd -S root").split()[1] == "L"
    effective = box.succeed("sshd -T").splitlines()
    assert "permitrootlogin without-password" in effective
    assert "passwordauthentication yes" in effective
    assert box.succeed("hostnamectl hostname") == NAME
    box.succeed("getent hosts $(hostname) && ping -c 1 ::1")
    box.succeed("test ! -e /usr/sbin/policy-rc.d && test ! -d /opt/boxkeeper")


def test_a_package_installs_and_its_service_starts(box: Target) -> None:
    box.install("redis-server")
    assert box.succeed("systemctl is-active redis-server") == "active"


def test_units_logins_and_execs_trust_what_the_machine_trusts(box: Target) -> None:
    wanted = set(box.succeed("cat /etc/environment 2>/dev/null || :").replace('"', "").splitlines())
    assert wanted <= set(box.succeed("env").splitlines())
    assert wanted <= set(box.succeed("systemd-run --quiet --wait --pipe env").splitlines())
    assert wanted <= set(ssh(box, "env").stdout.splitlines())
    assert wanted <= set(box.succeed("sudo -u nobody env").splitlines())


def test_extra_ports_are_published_for_loopback_only(box: Target) -> None:
    assert box.port(5432) != box.port(3478, "udp")
    bindings = box.client.containers.get(NAME).attrs["HostConfig"]["PortBindings"].values()
    assert {binding[0]["HostIp"] for binding in bindings} == {"127.0.0.1"}
    with pytest.raises(Fault, match="does not publish 8125/udp"):
        box.port(8125, "udp")


def test_a_failing_command_tells_its_output(box: Target) -> None:
    with pytest.raises(AssertionError, match="no such luck"):
        box.succeed("echo no such luck; false")
    with pytest.raises(AssertionError, match="what a day"):
        box.fail("echo what a day")
    with pytest.raises(AssertionError, match=r"after 0\.5 s"):
        box.wait_until("false", 0.5)
    assert box.execute("echo out; echo err >&2; exit 3") == (3, "out\nerr")


def test_a_reboot_comes_back_with_its_files_its_name_and_its_keys(box: Target) -> None:
    pinned = (box.folder / "known_hosts").read_text()
    box.succeed("hostnamectl set-hostname renamed; touch /root/kept /tmp/lost")
    box.reboot()
    assert box.succeed("hostname") == "renamed"
    box.succeed("test -e /root/kept && test ! -e /tmp/lost")
    assert (box.folder / "known_hosts").read_text() == pinned
    assert ssh(box, "true").returncode == 0


def test_a_running_target_is_reused(box: Target) -> None:
    box.succeed("touch /root/reused")
    keys = box.succeed("cat /root/.ssh/authorized_keys")
    again = Target.start(NAME)
    assert again == box
    again.succeed("test -e /root/reused")
    assert again.succeed("cat /root/.ssh/authorized_keys") == keys


def test_a_stopped_target_is_started_again(box: Target) -> None:
    port = box.port(22)
    box.client.containers.get(NAME).stop()
    assert Target.start(NAME).port(22) == port
    assert ssh(box, "true").returncode == 0


def test_a_box_of_another_copy_of_the_project_is_left_alone_until_that_copy_is_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    state = tmp_path / "copy" / ".boxkeeper"
    state.mkdir(parents=True)
    with monkeypatch.context() as there:
        for module in ("box", "container"):
            there.setattr(f"target.{module}.STATE", state)
        left = Target.start(f"{NAME}-left")
        left.succeed("passwd -l root; rm /root/.ssh/authorized_keys; touch /root/left")
    lines: list[str] = []
    try:
        with pytest.raises(Fault, match=f"another copy of this project, in {tmp_path}/copy: put `BOXKEEPER_TARGET="):
            Target.start(f"{NAME}-left")
        assert left.succeed("ls /root") == "left"
        shutil.rmtree(state)
        ours = Target.start(f"{NAME}-left", progress=lines.append)
        assert ssh(ours, "ls /root").stdout == ""
        assert any("its keys are gone" in line for line in lines)
        ours.succeed("touch /root/ours")
        assert Target.start(f"{NAME}-left", progress=lambda line: None).succeed("ls /root") == "ours"
    finally:
        _remove(f"{NAME}-left")


def test_a_box_whose_keys_are_lost_is_made_anew() -> None:
    box = Target.start(f"{NAME}-lost")
    try:
        box.succeed("passwd -l root; rm /root/.ssh/authorized_keys; touch /root/locked")
        for path in box.folder.iterdir():
            path.unlink()
        Target.start(f"{NAME}-lost")
        assert ssh(box, "ls /root").stdout == ""
    finally:
        box.remove()


def test_a_copy_of_a_box_starts_where_the_box_was(box: Target) -> None:
    box.succeed("echo converged >/root/state; redis-cli set key value; redis-cli save")
    snapshot = box.commit(own("test"))
    copy = Target.start(f"{NAME}-copy", image=snapshot)
    try:
        assert copy.succeed("cat /root/state; redis-cli get key; systemctl is-system-running").split() == [
            "converged",
            "value",
            "running",
        ]
        assert ssh(copy, "true").returncode == 0
        copy.succeed("echo changed >/root/state")
        assert box.succeed("cat /root/state") == "converged"
    finally:
        copy.remove()
        box.client.images.remove(snapshot)
        shutil.rmtree(STATE / "snapshots" / own("test"))


def test_two_targets_share_no_host_key(box: Target) -> None:
    other = Target.start(f"{NAME}-other")
    try:
        question = "cut -d ' ' -f 2 /etc/ssh/ssh_host_*_key.pub; cat /etc/machine-id"
        assert not set(other.succeed(question).split()) & set(box.succeed(question).split())
    finally:
        other.remove()


def test_an_image_is_made_once_per_recipe() -> None:
    first = image(engine())
    lines: list[str] = []
    assert image(engine(), progress=lines.append) == first
    assert lines == []
    assert recipe("debian:13").hash() != recipe("debian:12").hash()


def test_remove_leaves_nothing(box: Target) -> None:
    other = Target.start(f"{NAME}-other")
    other.remove()
    assert Target.find(f"{NAME}-other") is None
    assert not other.folder.exists()
    other.remove()  # nothing to remove is no error
    assert Target.find(NAME) == box


def test_a_container_of_somebody_else_is_left_alone(box: Target) -> None:
    client = engine()
    foreign = client.containers.create(image(client), name=f"{NAME}-foreign")
    try:
        with pytest.raises(Fault, match="is no target"):
            Target.start(f"{NAME}-foreign")
    finally:
        foreign.remove(force=True)


def test_a_port_that_is_taken_is_a_fault_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setitem(_FIXED, f"{NAME}-late", {"22/tcp": taken.getsockname()[1]})
        port, pid = taken.getsockname()[1], os.getpid()
        said = rf"^port {port} of this machine is taken by \S+: `kill {pid}` ends it, `BOXKEEPER_TARGET=another"
        with pytest.raises(Fault, match=said):
            Target.start(f"{NAME}-late")
    assert Target.find(f"{NAME}-late") is None


def test_a_port_that_another_container_has_is_a_fault_that_says_how_to_find_it(
    box: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(_FIXED, f"{NAME}-late", {"22/tcp": box.port(22)})
    said = f"^port {box.port(22)} of this machine is taken: `docker ps --filter publish={box.port(22)}`"
    with pytest.raises(Fault, match=said):
        Target.start(f"{NAME}-late")
    assert Target.find(f"{NAME}-late") is None


def test_a_name_that_docker_would_refuse_is_a_fault() -> None:
    with pytest.raises(Fault, match="no name for a target"):
        Target.start("My Box")
