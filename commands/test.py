"""`boxkeeper test`: the project's own tests."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from roles import ROOT


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--fast", is_flag=True, help="Only what needs no target: seconds")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(fast: bool, arguments: tuple[str, ...]) -> None:
    """Run every test, on targets made for them. With more arguments: one pytest with these.

    Tests of different targets run side by side (see tests/conftest.py).
    """
    if arguments and not fast:
        sys.exit(_pytest(*arguments))
    # One more than there are processors: who waits for a box leaves its own to others.
    workers = (os.cpu_count() or 1) + (not fast)
    side_by_side = ("--numprocesses", str(workers), "--dist=loadgroup", "--no-loadscope-reorder")
    sys.exit(_pytest(*side_by_side, *(("-m", "not target") if fast else ()), *arguments))


def _pytest(*arguments: str) -> int:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--durations=12", *arguments], cwd=ROOT, check=False
    ).returncode
