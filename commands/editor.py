"""Editor: a text in the user's own, in a private folder that is wiped afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import click

from roles import Fault

MEMORY = "/dev/shm"
"""Where Linux keeps files in memory only."""


@contextlib.contextmanager
def opened(name: str, text: str) -> Iterator[Callable[[], str]]:
    """What opens the editor, as often as it is called, with what was last written, and returns what is written then.

    Whatever an editor leaves beside the file goes with it, also when we are told to end or the terminal is closed.
    """
    ended = [(number, signal.signal(number, _end)) for number in (signal.SIGTERM, signal.SIGHUP)]
    folder = Path(tempfile.mkdtemp(prefix="boxkeeper-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
    try:
        path = folder / name
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", newline="") as file:
            file.write(text)
        yield lambda: _edited(path)
    finally:
        _wipe(folder)
        for number, before in ended:
            signal.signal(number, before)


def _edited(path: Path) -> str:
    try:
        click.edit(filename=str(path))
    except click.ClickException as error:
        raise Fault(f"{error.message}: `export EDITOR=nano` names another one; nothing was changed") from None
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise Fault(f"it is no UTF-8 text any more (byte {error.start})") from None
    except OSError as error:
        raise Fault(f"what was written can't be read: {error.strerror}") from None


def again(fault: Fault) -> None:
    """Say what is wrong and wait until the user wants to go on. Raises the fault where nobody can be asked."""
    if not sys.stdin.isatty():
        raise fault
    click.echo(f"--> {fault}", err=True)
    try:
        click.prompt("Enter goes on with your text, Ctrl-C drops it", default="", show_default=False, err=True)
    except click.Abort:
        raise Fault("dropped; nothing was changed") from None


def _end(number: int, _: object) -> NoReturn:
    sys.exit(128 + number)


def _wipe(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            size = path.stat().st_size
            with contextlib.suppress(OSError), path.open("r+b") as file:
                file.write(bytes(size))
    shutil.rmtree(folder, ignore_errors=True)
