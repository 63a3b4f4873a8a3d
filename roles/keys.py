"""Keys: who can open the secrets of an environment, and with what.

Public keys, one a line, are in `inventories/<env>.recipients`. The private key never is in the project: it comes
from the environment (CI), from a file of ours, or is the SSH key that its owner already has.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import click
import pyrage
from cryptography.exceptions import UnsupportedAlgorithm

from roles import Fault

OWN = "~/.config/boxkeeper/identity"
SSH = "~/.ssh/id_ed25519"
Identity: TypeAlias = pyrage.x25519.Identity | pyrage.ssh.Identity
Recipient: TypeAlias = pyrage.x25519.Recipient | pyrage.ssh.Recipient


@dataclass(frozen=True)
class Key:
    """A private key, and where it was found."""

    place: str
    text: str = field(repr=False)

    @property
    def identity(self) -> Identity:
        """What opens a file. Raises Fault for a text that is no key, or one behind a passphrase."""
        try:
            if self._is_age:
                return pyrage.x25519.Identity.from_str(self.text)
            return pyrage.ssh.Identity.from_buffer(self.text.encode())
        except pyrage.IdentityError as error:
            if "decrypted first" in str(error):
                raise Fault(f"{self.place} has a passphrase: use a key without one") from None
            raise Fault(f"{self.place} holds no age or SSH private key: {error}") from None

    @property
    def public(self) -> str:
        """The line that lets this key read, for a file of recipients."""
        if self._is_age:
            return str(pyrage.x25519.Identity.from_str(self.text).to_public())
        return public_of(self.text)

    @property
    def _is_age(self) -> bool:
        return self.text.startswith("AGE-SECRET-KEY-")


def public_of(private: str) -> str:
    """The public line of an SSH key. Raises Fault for a text that is none, or one behind a passphrase."""
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_ssh_private_key(private.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Fault("is no private SSH key without a passphrase, in OpenSSH's format") from None
    line = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return line.decode()


def made_for_ssh() -> str:
    """A new private SSH key, without a passphrase: a box has nobody to type one."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    form = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    return Ed25519PrivateKey.generate().private_bytes(*form).decode()


def mine() -> list[Key]:
    """The private keys to try; one named by the environment is the only one. Raises Fault for one that is unusable."""
    given = os.environ.get("BOXKEEPER_AGE_KEY", "")
    if given.strip():
        return _parse("BOXKEEPER_AGE_KEY", given)
    named = os.environ.get("BOXKEEPER_AGE_KEY_FILE", "")
    if named:
        return _parse(named, _read(named))
    found = []
    if Path(OWN).expanduser().exists():
        if Path(OWN).expanduser().stat().st_mode & 0o077:
            raise Fault(f"{OWN} can be read by others: run `chmod 600 {OWN}`")
        found += _parse(OWN, _read(OWN))
    if Path(SSH).expanduser().exists():
        found += _usable(_parse(SSH, _read(SSH)))
    return found


def _usable(found: list[Key]) -> list[Key]:
    """Less the ones behind a passphrase: this key is tried because it may be there, not because it was named."""
    try:
        return [key for key in found if key.identity]
    except Fault:
        return []


def _read(path: str) -> str:
    try:
        return Path(path).expanduser().read_text()
    except OSError as error:
        raise Fault(f"{path}: the key can't be read: {error.strerror}") from None
    except UnicodeError:
        raise Fault(f"{path}: the key can't be read: it is no text") from None


def _parse(place: str, text: str) -> list[Key]:
    """The keys of one text: an SSH private key, or lines of an age identity file."""
    if "PRIVATE KEY-----" in text:
        found = [Key(place, text.strip() + "\n")]
    else:
        lines = [line.strip() for line in text.splitlines()]
        found = [Key(place, line) for line in lines if line and not line.startswith("#")]
    for key in found:
        if place != SSH:
            assert key.identity  # raises the Fault that says what is wrong with it
    if not found:
        raise Fault(f"{place} holds no key: make one with `age-keygen`")
    return found


def make() -> Key:
    """A new key at OWN, for somebody who has none."""
    path = Path(OWN).expanduser()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    identity = pyrage.x25519.Identity.generate()
    text = f"# opens the secrets of Boxkeeper; keep a copy where it can't be lost\n{identity}\n"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w") as file:
        file.write(text)
    click.echo(f"--> Made the key to your secrets, {OWN}. Keep a copy: without it they are lost.", err=True)
    return Key(OWN, str(identity))
