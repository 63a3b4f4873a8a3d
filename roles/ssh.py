"""Who may log in, and how: one admin with keys; root and passwords may not."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paramiko
from pydantic import Field, field_validator

from roles import Settings, absolute, render
from roles.confirmed import Confirmed
from roles.resources import Directory, File, Files, Packages, Resource, User, Users

if TYPE_CHECKING:
    from typing_extensions import Self

    from roles.server import Server

DROP_IN = "/etc/ssh/sshd_config.d/00-boxkeeper.conf"
"""sshd keeps the first value that it reads, so this sorts before cloud-init's 50-cloud-init.conf."""

_TRANSPORT: Any = paramiko.Transport

SPOKEN = {
    # What pyinfra's own transport speaks. The class keeps it in these names, and offers it in public only on a
    # transport that is connected.
    "kexalgorithms": _TRANSPORT._preferred_kex,
    "ciphers": _TRANSPORT._preferred_ciphers,
    "macs": _TRANSPORT._preferred_macs,
    "hostkeyalgorithms": _TRANSPORT._preferred_keys,
    "pubkeyacceptedalgorithms": _TRANSPORT._preferred_pubkeys,
}


SUDOERS, RIGHTS = "/etc/sudoers.d/boxkeeper", "ALL=(ALL:ALL) NOPASSWD: ALL"
"""What the admin may; it has no password that it could be asked for."""


class Ssh(Settings):
    """Who may log in, and how."""

    admin: str = Field(default="admin", description="The one user who may log in, and become root by sudo")
    keys: tuple[str, ...] = Field(description="The admin's public keys, as text or as paths of .pub files")
    port: int | None = Field(default=None, ge=1, le=65535, description="Port of sshd; by default the one it has")

    @field_validator("admin")
    @classmethod
    def _admin(cls, admin: str) -> str:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", admin) or admin == "root":
            raise ValueError(f"{admin!r} can't be the admin's name; use up to 31 of a-z, 0-9 and -, and not root")
        return admin

    @field_validator("keys")
    @classmethod
    def _keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if not keys:
            raise ValueError("needs at least one public key: nobody could log in")
        for key in keys:
            if not _is_path(key):
                public_keys(key)
        return keys

    def located(self, folder: Path) -> Self:
        if "keys" not in vars(self):
            return self
        return self.model_copy(
            update={"keys": tuple(absolute(key, folder) if _is_path(key) else key for key in self.keys)}
        )

    @property
    def lines(self) -> list[str]:
        """The admin's public keys, those of files too. Raises ValueError for a file that has none."""
        return [line for key in self.keys for line in public_keys(key)]

    def unreadable(self) -> Iterator[str]:
        """What is wrong with the files of keys, a sentence each."""
        for key in filter(_is_path, vars(self).get("keys", ())):
            try:
                public_keys(key)
            except ValueError as error:
                yield f"Ssh.keys: {error}"


def _is_path(key: str) -> bool:
    return " " not in key


def public_keys(key: str) -> list[str]:
    """The public keys in a text or in the file of that name. Raises ValueError for one that is none, or too weak."""
    text = key
    if _is_path(key):
        try:
            text = Path(key).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{key} can't be read: {getattr(error, 'strerror', 'no text')}") from None
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise ValueError(f"{key} holds no public key")
    for line in lines:
        _check(line)
    return lines


def _is_whole(blob: bytes) -> bool:
    """Whether it is what RFC 4253 calls strings, each with its length before it, up to the last byte."""
    while blob:
        end = 4 + int.from_bytes(blob[:4], "big")
        if len(blob) < end:
            return False
        blob = blob[end:]
    return True


def _check(line: str) -> None:
    kind, _, rest = line.partition(" ")
    known = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@")
    if not kind.startswith(known):
        raise ValueError(f"{line[:30]!r} is no public key that sshd takes; use an ssh-ed25519 one")
    try:
        blob = base64.b64decode(rest.split()[0], validate=True)
        if kind == "ssh-rsa" and paramiko.RSAKey(data=blob).get_bits() < 2048:
            raise ValueError("an RSA key needs 2048 bits or more; better use an ssh-ed25519 one")
        if not _is_whole(blob) or kind not in blob.decode("latin-1"):
            raise ValueError
    except (ValueError, IndexError, paramiko.SSHException) as error:
        raise ValueError(str(error) if "RSA" in str(error) else f"{line[:30]!r} is cut off or mistyped") from None


def wanted(server: Server) -> Iterator[Resource]:
    ssh = server.ssh
    if ssh is None:
        return
    home = f"/home/{ssh.admin}"
    yield Packages(["openssh-server", "sudo"])
    yield Users([User(ssh.admin, home=home, shell="/bin/bash", groups=("sudo",))])
    yield Files(
        [
            Directory(home, mode="0750", owner=ssh.admin, group=ssh.admin),
            Directory(f"{home}/.ssh", mode="0700", owner=ssh.admin, group=ssh.admin),
            Directory("/etc/ssh/sshd_config.d"),
        ],
        name="folders",
    )
    yield _sshd(ssh, home)


def _sshd(ssh: Ssh, home: str) -> Confirmed:
    keys = "".join(f"{key}\n" for key in ssh.lines).encode()
    expect = {
        "permitrootlogin": "no",
        "passwordauthentication": "no",
        "kbdinteractiveauthentication": "no",
        "pubkeyauthentication": "yes",
        "usepam": "yes",
    }
    port = [str(ssh.port)] if ssh.port else []
    load = [["/usr/bin/python3", "-I", "/usr/local/lib/boxkeeper", "sshd", "load", *port]]
    return Confirmed(
        name="sshd",
        files=[
            # before the keys: whoever can log in as the admin can become root, also when a run is cut off in between
            File(SUDOERS, f"{ssh.admin} {RIGHTS}\n".encode(), mode="0440"),
            File(f"{home}/.ssh/authorized_keys", keys, mode="0600", owner=ssh.admin, group=ssh.admin),
            File(DROP_IN, render("ssh/00-boxkeeper.conf.j2", port=ssh.port)),
        ],
        prove=("sh", "-c", f"install -d -m 0755 /run/sshd && sshd -t && visudo -c -f {SUDOERS}"),
        load=load,
        unload=load,
        expect=expect if ssh.port is None else {**expect, "port": port[0]},
        speaks=SPOKEN,
        users=("root", ssh.admin),
        port=ssh.port,
    )
