"""Secrets: one encrypted file per environment, safe to commit.

`inventories/<env>.secrets` is an age file (armored, so the public `age` tool reads it too) that holds JSON:
{name: {"value", "made", "kind"}}. It is encrypted to everybody in `inventories/<env>.recipients`.
"""

from __future__ import annotations

import contextlib
import difflib
import fcntl
import json
import os
import re
import secrets
import string
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

import pyrage
from pydantic import SecretStr

from roles import Fault, keys

LETTERS = string.ascii_letters + string.digits
LENGTH = 40
"""Of a generated secret: 238 bits, of characters that need no quoting in a URL, a shell or a config file."""

NAME = re.compile(r"[a-z][a-z0-9-]*/[A-Za-z_][A-Za-z0-9_-]*")
STRONG = re.compile(r"[!-~]{16,}")


@dataclass(frozen=True)
class Secret:
    """A secret that something reads. A `generated` one is made on first use; the others only you can supply.

    Without an `optional` one its reader works all the same.
    """

    name: str
    needed_by: str
    generated: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Kept:
    """A secret in the store. `made` is a date in ISO format, UTC."""

    value: str = field(repr=False)
    made: str
    kind: Literal["password", "supplied"]


class Store:
    """The secrets of one environment. Methods raise Fault with one line when the file can't be opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipients = path.with_suffix(".recipients")
        self._values: dict[str, SecretStr] | None = None

    @classmethod
    def beside(cls, inventory: Path) -> Store:
        """The store that belongs to an inventory file."""
        return cls(inventory.with_suffix(".secrets"))

    @property
    def env(self) -> str:
        """What our commands call it: by its name in the folder `inventories`, anywhere else by its inventory's path."""
        return self.path.stem if self.path.parent.name == "inventories" else str(self.path.with_suffix(".py"))

    def complete(self, wanted: Sequence[Secret], make: bool = True) -> list[str]:
        """Make the generated secrets that are missing. Returns a sentence for each thing that only the user can mend.

        With a fault, or without `make`, nothing is made. With nothing wanted the file is not even opened.
        """
        if not wanted:
            self._values = {}
            return []
        try:
            kept = self.entries()
            faults = [fault for secret in wanted if (fault := self._fault(secret, kept))]
            generated = [secret.name for secret in wanted if secret.generated]
            if make and not faults and any(name not in kept for name in generated):
                with self._changing() as kept:
                    for name in generated:
                        kept.setdefault(name, _generated())
        except Fault as fault:
            return [str(fault)]
        self._values = {name: SecretStr(secret.value) for name, secret in kept.items()}
        return list(dict.fromkeys(faults))

    def _fault(self, secret: Secret, kept: dict[str, Kept]) -> str | None:
        found = kept.get(secret.name)
        if found is None and not (secret.generated or secret.optional):
            need = f"{secret.name.partition('/')[0]} needs secret {secret.name.partition('/')[2]}"
            return f"{need}: run `boxkeeper secrets set {self.env} {secret.name}`"
        if found is not None and secret.generated and not STRONG.fullmatch(found.value):
            better = f"run `boxkeeper secrets generate --replace {self.env} {secret.name}`"
            return f"{secret.name} must be 16 or more printable ASCII characters without spaces: {better}"
        return None

    def values(self) -> dict[str, SecretStr]:
        """Every secret by its name."""
        if self._values is None:
            self._values = {name: SecretStr(secret.value) for name, secret in self.entries().items()}
        return self._values

    def entries(self) -> dict[str, Kept]:
        """Every secret by its name, with its age and kind; read from the file."""
        try:
            sealed = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise Fault(f"{self._shown} can't be read: {error.strerror}") from None
        try:
            found = json.loads(self._opened(sealed))
            return {name: Kept(**secret) for name, secret in found.items()}
        except (ValueError, TypeError, AttributeError):
            raise Fault(f"{self._shown} opens, but what is in it is no store of secrets") from None

    def set(self, name: str, value: str) -> None:
        """Keep a value that the user supplies, exactly as it is."""
        _check(name, value)
        with self._changing() as kept:
            old = kept.get(name)
            if old is None or old.value != value:
                kept[name] = Kept(value, _today(), old.kind if old else "supplied")

    def generate(self, name: str, replace: bool = False) -> None:
        """Make a value. Raises Fault when there is one already, unless it may be replaced."""
        _check(name, "-")
        with self._changing() as kept:
            if name in kept and not replace:
                raise Fault(f"{name} is there since {kept[name].made}; add --replace to make another value")
            kept[name] = _generated()

    def remove(self, name: str) -> None:
        """Take a secret out. Raises Fault when there is none of that name."""
        with self._changing() as kept:
            if name not in kept:
                near = difflib.get_close_matches(name, kept, 1)
                raise Fault(f"{name} is not in {self.path.name}{f'; did you mean `{near[0]}`?' if near else ''}")
            del kept[name]

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Kept]]:
        """The secrets, to be changed by one process at a time; written when the block ends well."""
        try:
            folder = os.open(self.path.parent, os.O_RDONLY)
        except OSError as error:
            raise Fault(f"{self.path.parent}: {error.strerror}") from None
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            before = self.entries()
            kept = dict(before)
            yield kept
            if kept != before:
                self._write(kept)
                self._values = None
            os.fsync(folder)
        finally:
            os.close(folder)

    def _write(self, kept: dict[str, Kept]) -> None:
        """Replace the file, and keep the one before as `.previous`."""
        mine = keys.mine() or [keys.make()]
        text = json.dumps({name: asdict(kept[name]) for name in sorted(kept)}, indent=1)
        sealed: bytes = pyrage.encrypt(text.encode(), self._readers(mine), armored=True)
        try:
            pyrage.decrypt(sealed, [key.identity for key in mine])
        except pyrage.DecryptError:
            where = f"{self.recipients.name} does not name your key, so you could not read what you write"
            raise Fault(f"{where}: add the line {mine[0].public}") from None
        if self.path.exists():
            _replace(self.path.with_suffix(".secrets.previous"), self.path.read_bytes())
        _replace(self.path, sealed)

    def _readers(self, mine: Sequence[keys.Key]) -> list[keys.Recipient]:
        """Who may read. The first to use the store is its first reader."""
        if not self.recipients.exists():
            if self.path.exists():
                back = f"`git checkout {self.recipients.name}` brings it back"
                raise Fault(f"{self.recipients.name}, who may read {self.path.name}, is not there: {back}")
            comment = "# Who may read the secrets beside this: public age or SSH keys, one a line. Safe to commit."
            _replace(self.recipients, f"{comment}\n{mine[0].public}\n".encode())
        return keys.recipients(self.recipients)

    def _opened(self, sealed: bytes) -> bytes:
        if b"<<<<<<<" in sealed or b">>>>>>>" in sealed:
            side = f"keep one side (`git checkout --ours {self._shown}`), set again what the other one had"
            raise Fault(f"{self._shown} holds a merge conflict: {side}")
        mine = keys.mine()
        try:
            return bytes(pyrage.decrypt(sealed, [key.identity for key in mine]))
        except pyrage.DecryptError as error:
            if "No matching keys" in str(error):
                places = ", ".join(dict.fromkeys(key.place for key in mine))
                tried = f"{places} is not one of its keys" if mine else f"there is no key at {keys.OWN} or {keys.SSH}"
                how = "name the right one, `export BOXKEEPER_AGE_KEY_FILE=...`"
                raise Fault(f"{self._shown} can't be opened: {tried}; {how}") from None
            back = f"`git checkout {self._shown}` or {self.path.name}.previous brings back an older one"
            raise Fault(f"{self._shown} is cut off or damaged ({error}): {back}") from None

    @property
    def _shown(self) -> str:
        """The path as the user would type it."""
        with contextlib.suppress(ValueError):
            return str(self.path.resolve().relative_to(Path.cwd()))
        return str(self.path)


def _generated() -> Kept:
    return Kept("".join(secrets.choice(LETTERS) for _ in range(LENGTH)), _today(), "password")


def _today() -> str:
    return date.today().isoformat()


def _check(name: str, value: str) -> None:
    if not NAME.fullmatch(name):
        raise Fault(f"{name!r} is no name of a secret: write APP/NAME, e.g. note-taker/DEEPGRAM_API_KEY")
    if not value:
        raise Fault(f"{name}: the value is empty")
    if "\0" in value:
        raise Fault(f"{name}: the value holds a NUL byte, which no environment can carry")


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # public keys and sealed values, as git would check them out
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
