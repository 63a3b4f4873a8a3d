"""Sealed: an age file, opened with the keys that are here, and replaced whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pyrage

from roles import Fault, keys


def opened(sealed: bytes, path: Path, shown: str) -> bytes:
    """The text in a file of secrets. `shown` is its path as the user would type it. Raises Fault with what to do."""
    if b"<<<<<<<" in sealed or b">>>>>>>" in sealed:
        side = f"keep one side (`git checkout --ours {shown}`), set again what the other one had"
        raise Fault(f"{shown} holds a merge conflict: {side}")
    mine = keys.mine()
    try:
        return bytes(pyrage.decrypt(sealed, [key.identity for key in mine]))
    except pyrage.DecryptError as error:
        if "No matching keys" in str(error):
            places = ", ".join(dict.fromkeys(key.place for key in mine))
            tried = f"{places} is not one of its keys" if mine else f"there is no key at {keys.OWN} or {keys.SSH}"
            how = "name the right one, `export BOXKEEPER_AGE_KEY_FILE=...`"
            raise Fault(f"{shown} can't be opened: {tried}; {how}") from None
        back = f"`git checkout {shown}` or {path.name}.previous brings back an older one"
        raise Fault(f"{shown} is cut off or damaged ({error}): {back}") from None


def replace_whole(path: Path, content: bytes) -> None:
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
