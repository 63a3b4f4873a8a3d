"""Readers: whose keys open the secrets of an environment, by the lines of `inventories/<env>.recipients`.

One public key a line, age or SSH, as `age -R` reads it too; a comment above a key says whose it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyrage

from roles import Fault
from roles.keys import Recipient

HEAD = "# Who may read the secrets beside this: public age or SSH keys, one a line. Safe to commit."


@dataclass(frozen=True)
class Reader:
    """A public key, in the words in which two of them can be compared, and whose it is, "" where nobody said."""

    key: str
    who: str = ""

    def __str__(self) -> str:
        return self.who or f"{self.key[:24]}..."

    @property
    def recipient(self) -> Recipient:
        """What a file is encrypted to. Raises pyrage.RecipientError for what is no public key."""
        kind = pyrage.x25519.Recipient if self.key.startswith("age1") else pyrage.ssh.Recipient
        return kind.from_str(self.key)

    @classmethod
    def of(cls, line: str, above: str = "") -> Reader:
        """What a line says, with the comment above it. An SSH key may bring its own."""
        words = line.split(None, 2)
        if line.startswith("age1") or len(words) < 2:
            return cls(line, above)
        return cls(" ".join(words[:2]), above or " ".join(words[2:]))

    @classmethod
    def given(cls, text: str) -> Reader:
        """What a user typed: a public key, or the file of one. Raises Fault, which never shows what was typed."""
        line, where = text.strip(), "this"
        if not line.startswith(("age1", "ssh-", "AGE-SECRET-KEY-")):
            line, where = _only_key(text), text
        if line.startswith(("AGE-SECRET-KEY-", "-----BEGIN")):
            raise Fault(f"{where} is a private key, which stays with its owner: take the public one, e.g. `you.pub`")
        reader = cls.of(line)
        try:
            assert reader.recipient
        except pyrage.RecipientError:
            raise Fault(f"{where} is no public key; it looks like age1... or ssh-ed25519 AAAA...") from None
        return reader


def _only_key(path: str) -> str:
    """The one line of a file that is no comment; of a private SSH key its first."""
    try:
        lines = Path(path).expanduser().read_text().splitlines()
    except (OSError, ValueError, RuntimeError):  # RuntimeError: `~nobody-of-that-name`
        raise Fault("this is no public key (age1... or ssh-ed25519 AAAA...), and no file of one") from None
    found = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if len(found) != 1 and "PRIVATE KEY-----" not in "".join(found[:1]):
        raise Fault(f"{path} holds {len(found)} keys: give the file of one, or the key itself")
    return found[0]


@dataclass(frozen=True)
class Readers:
    """All of an environment. `name` is what the file is called."""

    name: str
    lines: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> Readers:
        """Raises Fault where a line is no key, or none is there."""
        readers = cls(path.name, tuple(path.read_text().splitlines()))
        if not list(readers.each()):
            raise Fault(f"{path.name} names nobody: add your public key, one a line")
        return readers

    @classmethod
    def first(cls, path: Path, key: str) -> Readers:
        """Of an environment that nobody could read yet."""
        return cls(path.name, (HEAD, key))

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    def each(self) -> Iterator[tuple[int, Reader]]:
        """Every reader with the number of its line, from 0. Raises Fault."""
        above = ""
        for number, line in enumerate(map(str.strip, self.lines)):
            if line and not line.startswith("#"):
                reader = Reader.of(line, above)
                try:
                    assert reader.recipient
                except pyrage.RecipientError:
                    fault = f"{self.name} line {number + 1}: no public key; write age1... or ssh-ed25519 ..."
                    raise Fault(fault) from None
                yield number, reader
            above = line.lstrip("# ") if line.startswith("#") and number else ""

    def recipients(self) -> list[Recipient]:
        return [reader.recipient for _, reader in self.each()]

    def find(self, wanted: str) -> Reader:
        """The reader with this key, its file, or this name. Raises Fault where there is none, or are several."""
        everybody = [reader for _, reader in self.each()]
        named = {reader.key: reader for reader in everybody if reader.who == wanted}
        if len(named) > 1:
            raise Fault(f"{self.name} has {len(named)} keys of {wanted}: name the key itself")
        key = next(iter(named), "") or Reader.given(wanted).key
        found = next((reader for reader in everybody if reader.key == key), None)
        if found is None:
            raise Fault(f"this key is not in {self.name}, which has: {', '.join(map(str, everybody))}")
        return found

    def plus(self, reader: Reader) -> Readers:
        """With one more; the same for one that is there."""
        if any(reader.key == there.key for _, there in self.each()):
            return self
        return Readers(self.name, (*self.lines, *([f"# {reader.who}"] if reader.who else []), reader.key))

    def minus(self, reader: Reader) -> Readers:
        """Without one, and without the comment that says whose key it was. Raises Fault where nobody would be left."""
        gone: set[int] = set()
        for number, there in self.each():
            if there.key == reader.key:
                gone |= {number, *([number - 1] if number > 1 and self.lines[number - 1].startswith("#") else [])}
        left = Readers(self.name, tuple(line for number, line in enumerate(self.lines) if number not in gone))
        if not list(left.each()):
            raise Fault(
                f"this is the last key in {self.name}: nobody could read the secrets any more; share them first"
            )
        return left
