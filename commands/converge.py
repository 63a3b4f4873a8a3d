"""Running pyinfra as a user would, and showing what it does: one line an operation, all of it when one fails."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from roles import ROOT, Fault

PATIENCE = 5.0
"""Seconds that pyinfra gets to end when it is asked to."""
STOPPED = "stopped; what was done stays, and running the same line again is safe"
STILL = 10.0
"""Seconds without a word after which a line says what is still being worked at."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended: pyinfra's exit code, and how many operations changed something."""

    code: int
    changed: int


def command(inventory: str, deploy: str, *options: str) -> list[str]:
    """The pyinfra line, as it is run and as a user types it."""
    return ["pyinfra", inventory, deploy, *options]


def converge(inventory: str, deploy: str, *options: str, stopped: str = STOPPED) -> Outcome:
    """Run a deploy without questions and show it. Raises Fault when it is interrupted: with `stopped`, what follows."""
    line = command(inventory, deploy, *options)
    click.echo(f"$ {shlex.join(line)}")
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("pyinfra")), *line[1:]],
        cwd=ROOT,
        env={**os.environ, "PYINFRA_YES": "true", "PYINFRA_PROGRESS": "off", "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        changed = _show(process.stdout)
        return Outcome(process.wait(), changed)
    except KeyboardInterrupt:
        _end(process)
        raise Fault(stopped) from None


def _end(process: subprocess.Popen[str]) -> None:
    """A terminal's Ctrl-C reaches pyinfra too, the signal of a program (a CI that cancels) only us."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _show(lines: Iterable[str]) -> int:
    """Print pyinfra's output as one line an operation. Returns how many changed something."""
    changed, operation, started = 0, "", time.monotonic()
    details: list[str] = []
    said: set[str] = set()
    with _Pulse() as pulse:
        for raw in lines:
            line = raw.rstrip()
            if line.startswith("--> Starting operation: "):
                operation, details, started = (
                    line.removeprefix("--> Starting operation: ").strip(),
                    [],
                    time.monotonic(),
                )
                pulse.at(operation)
            elif operation and re.search(r"\] (Success|No changes)( on retry \d+)?$", line):
                is_change = "] Success" in line
                changed += is_change
                seconds = time.monotonic() - started
                took = f" ({seconds:.0f} s)" if seconds >= 2 else ""
                pulse.say(f"  {operation}: {'changed' if is_change else 'as wanted'}{took}")
                operation = ""
            elif operation:
                if not re.search(r"executed 0 commands", line):
                    details.append(line)
                if re.search(r"\] Error( \(ignored\))?: ", line):
                    # what comes of one failure is a failure too: it is called one, and its words are not said again
                    pulse.say(f"  {operation}: failed", *(line for line in details if line not in said))
                    said.update(details)
                    operation = ""
            elif line and not _chatter(line):
                pulse.say(line)
    return changed


def _chatter(line: str) -> bool:
    """What pyinfra says of its own stages, and the table that repeats what was shown."""
    return line.startswith(("--> Loading", "--> Connecting", "--> Preparing", "--> Skipping", "--> Beginning")) or bool(
        re.match(
            r"--> (Results|Disconnecting|pyinfra error: No hosts remaining)"
            r"|\s+(Loading:|Operation |Grand total)|.*\] (Ready:|Connected)|.*\s\d+\s+\S",
            line,
        )
    )


class _Pulse:
    """Prints lines, and, when there was none for a while, what is still being worked at."""

    def __init__(self) -> None:
        self._at, self._since, self._last = "", time.monotonic(), time.monotonic()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> _Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def at(self, operation: str) -> None:
        self._at, self._since, self._last = operation, time.monotonic(), time.monotonic()

    def say(self, *lines: str) -> None:
        self._last, self._at = time.monotonic(), ""
        for line in lines:
            click.echo(line)

    def _beat(self) -> None:
        while not self._end.wait(1):
            if self._at and time.monotonic() - self._last > STILL:
                self._last = time.monotonic()
                click.echo(f"  {self._at}: still working ({time.monotonic() - self._since:.0f} s)")
