"""`boxkeeper test`: the project's own tests."""

from __future__ import annotations

import subprocess
import sys

import click

from roles import ROOT


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--fast", is_flag=True, help="Only what needs no target: seconds")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(fast: bool, arguments: tuple[str, ...]) -> None:
    """Run every test, on a target made for it. More arguments are pytest's own."""
    line = [sys.executable, "-m", "pytest", *(["-m", "not target"] if fast else []), *arguments]
    sys.exit(subprocess.run(line, cwd=ROOT, check=False).returncode)
