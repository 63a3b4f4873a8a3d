"""Whose keys are taken."""

from __future__ import annotations

import base64
from pathlib import Path

import paramiko
import pytest

from roles.ssh import SPOKEN, Ssh

GOOD = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2jdmT1n2V3CRsy2Gr0f4AhfWbZx8YQn1rJ7Q0VdJbU me@laptop"


def rsa(bits: int) -> str:
    return f"ssh-rsa {paramiko.RSAKey.generate(bits).get_base64()} me@laptop"


def test_a_key_is_taken_as_text_or_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "id_ed25519.pub"
    file.write_text(f"# my laptop\n{GOOD}\n")
    assert Ssh(keys=(GOOD,)).lines == Ssh(keys=(str(file),)).lines == [GOOD]


def test_an_rsa_key_is_taken_when_it_is_long_enough() -> None:
    assert not Ssh(keys=(rsa(2048),)).faults
    assert "2048 bits or more" in Ssh(keys=(rsa(1024),)).faults[0]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("ssh-dss AAAAB3NzaC1kc3MAAACBAP me", "is no public key that sshd takes; use an ssh-ed25519 one"),
        (GOOD.replace("AAAAC3", "AAAAC4"), "is cut off or mistyped"),
        (f"ssh-ed25519 {base64.b64encode(b'nothing').decode()} me", "is cut off or mistyped"),
        ("ssh-ed25519 AAAA", "is cut off or mistyped"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "is no public key"),
    ],
)
def test_a_key_that_will_not_do_is_refused_with_the_reason(key: str, said: str) -> None:
    faults = Ssh(keys=(key,)).faults
    assert len(faults) == 1
    assert said in faults[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "can't be read: No such file or directory"),
        ("# none yet\n", "holds no public key"),
        ("ssh-dss AAAAB3NzaC1kc3MAAACBAP me", "is no public key that sshd takes"),
    ],
)
def test_a_file_without_a_key_that_will_do_is_refused_with_the_reason(
    tmp_path: Path, content: str | None, said: str
) -> None:
    file = tmp_path / "id.pub"
    if content is not None:
        file.write_text(content)
    (fault,) = Ssh(keys=(GOOD, str(file))).unreadable()
    assert fault.startswith("Ssh.keys: ")
    assert said in fault


def test_no_key_at_all_is_refused() -> None:
    assert "nobody could log in" in Ssh(keys=()).faults[0]


@pytest.mark.parametrize("admin", ["root", "Admin", "a b", "-x", "x" * 32])
def test_a_name_that_can_be_no_admins_is_refused(admin: str) -> None:
    assert "can't be the admin's name" in Ssh(admin=admin, keys=(GOOD,)).faults[0]


@pytest.mark.parametrize("port", [0, 65536, "ssh"])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    assert Ssh(port=port, keys=(GOOD,)).faults


def test_what_this_machines_transport_speaks_is_known() -> None:
    assert all(SPOKEN.values())
    assert "curve25519-sha256@libssh.org" in SPOKEN["kexalgorithms"]
