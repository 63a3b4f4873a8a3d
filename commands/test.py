"""`boxkeeper test`: the project's own tests."""

from __future__ import annotations

import subprocess
import sys

import click

from roles import ROOT

WORKERS = 3
"""More than a small machine's two cores: a test that asks a box mostly waits for it."""


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--fast", is_flag=True, help="Only what needs no target: seconds")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(fast: bool, arguments: tuple[str, ...]) -> None:
    """Run every test, on targets made for them. With more arguments: one pytest with these.

    Tests of one target follow each other, different targets are tested side by side; what measures time runs last and
    alone.
    """
    if fast:
        sys.exit(_pytest("-m", "not target", *arguments))
    if arguments:
        sys.exit(_pytest(*arguments))
    beside = _pytest("-m", "not alone", f"--numprocesses={WORKERS}", "--dist=loadgroup", "--durations=15")
    alone = _pytest("-m", "alone")
    sys.exit(beside or alone)


def _pytest(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, check=False).returncode
