"""Readers: what a user types for a key, and what is said of what is none."""

from __future__ import annotations

from pathlib import Path

import pyrage
import pytest

from roles import Fault
from roles.readers import HEAD, Reader, Readers

SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA7WsuIt2DY2sV2Y2Zp4Si0GNQhuSEw4BH4mFAhTUJQz"
AGE = str(pyrage.x25519.Identity.generate().to_public())


def test_a_public_key_is_text_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(f"# mine\n{SSH} you@laptop\n")
    assert Reader.given(AGE) == Reader(AGE)
    assert Reader.given(f"  {SSH} you@laptop\n") == Reader.given(str(tmp_path / "key.pub")) == Reader(SSH, "you@laptop")


def test_a_private_key_is_refused_and_not_shown(tmp_path: Path) -> None:
    private = str(pyrage.x25519.Identity.generate())
    (tmp_path / "identity").write_text(f"# made today\n{private}\n")
    (tmp_path / "id").write_text(f"-----BEGIN OPENSSH {'PRIVATE'} KEY-----\nAAAA\n-----END\n")
    for given in (private, str(tmp_path / "identity"), str(tmp_path / "id")):
        with pytest.raises(Fault, match="is a private key") as fault:
            Reader.given(given)
        assert private[20:30] not in str(fault.value)


@pytest.mark.parametrize(
    "given", ["age1qqq", "ssh-dss AAAA", "ssh-ed25519", "nobody", "~nobody-of-that-name/x", "a\0b", ""]
)
def test_what_is_no_key_is_one_line(given: str) -> None:
    with pytest.raises(Fault, match=r"^[^\n]*is no public key[^\n]*$"):
        Reader.given(given)


def test_a_file_of_several_keys_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"{SSH}\n{AGE}\n")
    with pytest.raises(Fault, match="holds 2 keys"):
        Reader.given(str(tmp_path / "keys"))


def test_a_comment_above_a_key_says_whose_it_is() -> None:
    readers = Readers("prod.recipients", (HEAD, AGE, "# you", SSH))
    assert [str(reader) for _, reader in readers.each()] == [f"{AGE[:24]}...", "you"]
    assert readers.find("you").key == SSH


def test_without_one_the_others_stay_as_they_were_written() -> None:
    readers = Readers("prod.recipients", (HEAD, "# us", AGE, "", "# you", SSH))
    assert readers.minus(readers.find("you")).lines == (HEAD, "# us", AGE, "")
    assert Readers("prod.recipients", (HEAD, AGE, SSH)).minus(Reader(AGE)).lines == (HEAD, SSH)
