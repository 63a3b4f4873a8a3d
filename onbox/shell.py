"""Commands on the box."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence


class Failed(Exception):
    """What the user is told when a step on the box did not work: one line that says what and why."""


def run(
    argv: Sequence[str],
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 600,
    ok: Sequence[int] = (0,),
) -> str:
    """Run a command to its end and return its standard output.

    `timeout` is in seconds. Raises Failed with the command's own last lines. Secrets go into `stdin`, never `argv`.
    """
    try:
        done = subprocess.run(
            list(argv),
            input=stdin if stdin is not None else b"",
            capture_output=True,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise Failed(f"{argv[0]}: no such command on this box") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(argv)}: still running after {timeout:.0f} s") from None
    if done.returncode not in ok:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-8:]
        raise Failed(f"{' '.join(argv)}: exit code {done.returncode}\n" + "\n".join(f"  {line}" for line in said))
    return done.stdout.decode(errors="replace")


def said(argv: Sequence[str]) -> str:
    """What a command that only looks prints; "" where it is not installed or has nothing to say."""
    try:
        done = subprocess.run(list(argv), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.decode(errors="replace")
