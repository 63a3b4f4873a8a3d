"""Secrets: one encrypted file per environment, safe to commit.

`inventories/<env>.secrets` is an age file (armored, so the public `age` tool reads it too) that holds JSON:
{name: {"value", "made", "kind"}}, and more of one that is or was rotated: see `roles/rotation.py`. It is encrypted to
everybody in `inventories/<env>.recipients`.
"""

from __future__ import annotations

import contextlib
import difflib
import fcntl
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyrage
from pydantic import SecretStr

from roles import Fault, keys, rotation
from roles.readers import Reader, Readers
from roles.rotation import Kept, Made
from roles.sealed import opened, replace_whole

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
    kind: Made = "password"


PERMANENT = frozenset({"backups/key", "backups/postgres_key"})
"""What opens things that are kept for long: another value in its place would lose them."""


class Store:
    """The secrets of one environment. Methods raise Fault with one line when the file can't be opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipients = path.with_suffix(".recipients")
        self._read: dict[str, Kept] | None = None

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
            self._read = {}
            return []
        try:
            found = self.entries()
            faults = [fault for secret in wanted if (fault := self._fault(secret, found))]
            missing = [secret for secret in wanted if secret.generated and secret.name not in found]
            if make and not faults and missing:
                with self._changing() as found:
                    for secret in missing:
                        found.setdefault(secret.name, rotation.generated(secret.kind))
        except Fault as fault:
            return [str(fault)]
        self._read = found
        return list(dict.fromkeys(faults))

    def _fault(self, secret: Secret, there: Mapping[str, Kept]) -> str | None:
        found = there.get(secret.name)
        if found is None and not (secret.generated or secret.optional):
            need = f"{secret.name.partition('/')[0]} needs secret {secret.name.partition('/')[2]}"
            return f"{need}: run `boxkeeper secrets set {self.env} {secret.name}`"
        if found is not None and secret.generated and (objection := _objection(secret, found.value)):
            return f"{secret.name} {objection}: run `boxkeeper secrets generate --replace {self.env} {secret.name}`"
        return None

    def values(self) -> dict[str, SecretStr]:
        """Every secret by its name, as the apps use it."""
        return {name: SecretStr(secret.value) for name, secret in self.kept().items()}

    def kept(self) -> dict[str, Kept]:
        """The same as `entries`, read once."""
        if self._read is None:
            self._read = self.entries()
        return self._read

    def entries(self) -> dict[str, Kept]:
        """Every secret by its name, with its age, its kind and what is rotated; read from the file."""
        try:
            sealed = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise Fault(f"{self._shown} can't be read: {error.strerror}") from None
        try:
            found = json.loads(opened(sealed, self.path, self._shown))
            return {name: Kept.of(secret) for name, secret in found.items()}
        except (ValueError, TypeError, AttributeError, KeyError):
            raise Fault(f"{self._shown} opens, but what is in it is no store of secrets") from None

    def reveal(self, name: str) -> str:
        """The value of a secret, in clear. Raises Fault when there is none of that name."""
        return self._there(name, self.entries()).value

    def set(self, name: str, value: str) -> None:
        """Keep a value that the user supplies, exactly as it is."""
        _check(name, value)
        with self._changing() as there:
            there[name] = _changed(name, there.get(name), value)

    def change(self, before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
        """Take over what somebody changed in a copy of the values, and nothing else. Returns the names, sorted.

        Raises Fault, and changes nothing, when one of these was changed meanwhile.
        """
        names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        for name in set(names) & set(after):
            _check(name, after[name])
        with self._changing() as there:
            for name in names:
                now = there[name].value if name in there else None
                if now not in (before.get(name), after.get(name)):
                    raise Fault(f"{name} was changed by somebody else meanwhile")
                if name in after:
                    there[name] = _changed(name, there.get(name), after[name])
                else:
                    there.pop(name, None)
        return names

    def generate(self, name: str, replace: bool = False, kind: Made = "password") -> None:
        """Make a value of this kind. Raises Fault when there is one already, unless it may be replaced."""
        _check(name, "-")
        with self._changing() as there:
            if name in there and not replace:
                raise Fault(f"{name} is there since {there[name].made}; add --replace to make another value")
            made = rotation.generated(kind)
            there[name] = _changed(name, there.get(name, made), made.value)

    def remove(self, name: str) -> None:
        """Take a secret out. Raises Fault when there is none of that name, or it has to stay."""
        with self._changing() as there:
            self._there(name, there)
            _must_be_free(name, there[name])
            del there[name]

    def begin(self, values: Mapping[str, str]) -> None:
        """Begin rotations to these values by name, "" for one to be made; see `roles/rotation.py`. Raises Fault."""
        for name, value in values.items():
            _check(name, value or "-")
        self._step(values, lambda name, secret: rotation.begin(secret, values[name]))

    def switch(self, names: Iterable[str]) -> None:
        """Have the apps use the next values."""
        self._step(names, lambda _, secret: rotation.switch(secret))

    def close(self, names: Iterable[str]) -> None:
        """Have the box accept the values before no more."""
        self._step(names, lambda _, secret: rotation.close(secret))

    def finish(self, names: Iterable[str]) -> None:
        """Forget the values before."""
        self._step(names, lambda _, secret: rotation.finish(secret))

    def _step(self, names: Iterable[str], step: Callable[[str, Kept], Kept]) -> None:
        """Take a step with all of these, or with none."""
        with self._changing() as there:
            for name in names:
                was = self._there(name, there)
                try:
                    there[name] = step(name, was)
                except Fault as fault:
                    raise Fault(f"{name} {fault}") from None

    def _there(self, name: str, found: Mapping[str, Kept]) -> Kept:
        if name not in found:
            near = difflib.get_close_matches(name, found, 1)
            raise Fault(f"{name} is not in {self.path.name}{f'; did you mean `{near[0]}`?' if near else ''}")
        return found[name]

    def share(self, reader: Reader) -> None:
        """Let somebody read everything, from now on. For one who may already it is sealed again."""
        with self._locked():
            mine = keys.mine() or [keys.make()]
            self._write(self.entries(), self._readers(mine).plus(reader), mine)

    def revoke(self, wanted: str) -> tuple[Reader, dict[str, Kept]]:
        """Seal everything to the others. Returns whose key it was, and what they could read until now.

        Raises Fault for the last key, for the only one of whoever says this, and for one that is not there.
        """
        with self._locked():
            mine, found = keys.mine(), self.entries()
            readers = self._readers(mine)
            gone = readers.find(wanted)
            left = readers.minus(gone)
            if not {key.public for key in mine} & {reader.key for _, reader in left.each()}:
                raise Fault("this is your own key: you could read the secrets no more. Let one of the others revoke it")
            self._write(found, left, mine)
        return gone, found

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Kept]]:
        """The secrets, to be changed by one process at a time; written when the block ends well."""
        with self._locked():
            before = self.entries()
            found = dict(before)
            yield found
            if found != before:
                mine = keys.mine() or [keys.make()]
                self._write(found, self._readers(mine), mine)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            folder = os.open(self.path.parent, os.O_RDONLY)
        except OSError as error:
            raise Fault(f"{self.path.parent}: {error.strerror}") from None
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
            os.fsync(folder)
        finally:
            os.close(folder)

    def _write(self, found: Mapping[str, Kept], readers: Readers, mine: Sequence[keys.Key]) -> None:
        """Replace the file, and keep the one before as `.previous`.

        The readers are named last: a change of them that was cut off is the same change when it is made again.
        """
        text = json.dumps({name: found[name].stored() for name in sorted(found)}, indent=1)
        sealed: bytes = pyrage.encrypt(text.encode(), readers.recipients(), armored=True)
        try:
            pyrage.decrypt(sealed, [key.identity for key in mine])
        except pyrage.DecryptError:
            where = f"{self.recipients.name} does not name your key, so you could not read what you write"
            raise Fault(f"{where}: add the line {mine[0].public}") from None
        if self.path.exists():
            replace_whole(self.path.with_suffix(".secrets.previous"), self.path.read_bytes())
        replace_whole(self.path, sealed)
        if not self.recipients.exists() or self.recipients.read_text() != readers.text:
            replace_whole(self.recipients, readers.text.encode())
        self._read = None

    def _readers(self, mine: Sequence[keys.Key]) -> Readers:
        """Who may read. The first to use the store is its first reader."""
        if self.recipients.exists():
            return Readers.read(self.recipients)
        if self.path.exists():
            back = f"`git checkout {self.recipients.name}` brings it back"
            raise Fault(f"{self.recipients.name}, who may read {self.path.name}, is not there: {back}")
        return Readers.first(self.recipients, mine[0].public)

    @property
    def _shown(self) -> str:
        """The path as the user would type it."""
        with contextlib.suppress(ValueError):
            return str(self.path.resolve().relative_to(Path.cwd()))
        return str(self.path)


def _objection(secret: Secret, value: str) -> str:
    """Why a value is not fit for what would be made; "" where it is."""
    if secret.kind == "password":
        return "" if STRONG.fullmatch(value) else "must be 16 or more printable ASCII characters without spaces"
    try:
        keys.public_of(value)
    except Fault as fault:
        return str(fault)
    return ""


def _changed(name: str, was: Kept | None, value: str) -> Kept:
    """A secret with another value; one with the same keeps its date. Raises Fault while it is rotated."""
    if was is None or was.value == value:
        return was or rotation.supplied(value)
    _must_be_free(name, was)
    return replace(was, value=value, made=rotation.today())


def _must_be_free(name: str, was: Kept) -> None:
    """Raises Fault for a secret whose value may not go away."""
    if was.other is not None:
        raise Fault(f"{name} is being rotated: finish that first")
    if name in PERMANENT:
        raise Fault(f"{name} opens every backup that there is; without it all of them would be lost")


def _check(name: str, value: str) -> None:
    if not NAME.fullmatch(name):
        raise Fault(f"{name!r} is no name of a secret: write APP/NAME, e.g. note-taker/DEEPGRAM_API_KEY")
    if not value:
        raise Fault(f"{name}: the value is empty")
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise Fault(f"{name}: the value holds a NUL byte or half a character, which no environment can carry")
