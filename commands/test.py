"""`boxkeeper test`: the project's own tests."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from typing import IO

import click

from roles import ROOT

OTHERS = (
    "tests/any",
    "tests/budget",
    "tests/chroma",
    "tests/inference",
    "tests/kernel",
    "tests/net",
    "tests/data",
    "tests/ollama",
    "tests/turn",
    "tests/web",
    "tests/test_readme.py",
)
"""Tests with targets of their own, which can run beside those of the one that all others share."""
STILL = 60
"""Seconds between two signs of life."""


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--fast", is_flag=True, help="Only what needs no target: seconds")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(fast: bool, arguments: tuple[str, ...]) -> None:
    """Run every test, on targets made for them. With more arguments: one pytest with these.

    Two lanes of tests with different targets run side by side.
    """
    if fast:
        sys.exit(_pytest("-m", "not target", *arguments))
    if arguments:
        sys.exit(_pytest(*arguments))
    sys.exit(_lanes(["tests", *(f"--ignore={other}" for other in OTHERS)], list(OTHERS)))


def _pytest(*arguments: str) -> int:
    return subprocess.run(_command(*arguments), cwd=ROOT, check=False).returncode


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "--durations=8", *arguments]


def _lanes(*lanes: list[str]) -> int:
    """Run several pytests at once, and print what each said when it has ended. Returns 0 when all are green."""
    running = [_start(lane) for lane in lanes]
    started = time.monotonic()
    while any(process.poll() is None for process, _ in running):
        try:
            next(process for process, _ in running if process.poll() is None).wait(timeout=STILL)
        except subprocess.TimeoutExpired:
            click.echo(f"testing, {time.monotonic() - started:.0f} s")
    for _, output in running:
        output.seek(0)
        click.echo(output.read())
        output.close()
    return max(process.returncode for process, _ in running)


def _start(arguments: list[str]) -> tuple[subprocess.Popen[str], IO[str]]:
    output = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed when it has been printed
    process = subprocess.Popen(_command(*arguments), cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, text=True)
    return process, output
