"""Pipes: dumps on their way from one program of PostgreSQL's to another."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import IO, Any

from onbox import postgres
from onbox.dump import Dump
from onbox.scratch import as_postgres
from onbox.shell import Failed

PLAIN = ("--format=plain", "--no-owner", "--no-acl", "--no-publications", "--no-subscriptions")
"""How pg_dump is to write what a database of ours takes."""


@contextmanager
def output(argv: list[str], env: Mapping[str, str] | None, given: IO[bytes] | None = None) -> Iterator[Iterator[bytes]]:
    """The lines that a program of PostgreSQL's prints. Raises Failed with its last words where it fails."""
    with tempfile.TemporaryFile() as wrong:
        entry = subprocess.PIPE if given else subprocess.DEVNULL
        with as_postgres(argv, stdin=entry, stdout=subprocess.PIPE, stderr=wrong, env=env) as program:
            if given:
                Thread(target=_copy, args=(given, program.stdin), daemon=True).start()
            assert program.stdout
            try:
                yield iter(program.stdout)
            except BaseException:
                if not _fails_by_itself(program):
                    program.kill()
                    raise
        if program.returncode:
            raise Failed(_last(argv[0], wrong))


def _fails_by_itself(program: subprocess.Popen[bytes]) -> bool:
    """Whether a program has ended badly: then what was made of its output failed for that reason."""
    try:
        return program.wait(1) != 0
    except subprocess.TimeoutExpired:
        return False


def _copy(given: IO[bytes], to: Any) -> None:
    try:
        with to:
            shutil.copyfileobj(given, to)
    except OSError:
        pass  # it has ended, and its exit code says why


def _last(program: str, wrong: IO[bytes]) -> str:
    wrong.seek(0)
    lines = wrong.read().decode(errors="replace").strip().splitlines()
    return f"{program.rpartition('/')[2]}: {lines[0] if lines else 'no reason given'}"


def load(live: postgres.Cluster, into: str, owner: str, lines: Iterator[bytes]) -> Dump:
    """Send a dump to a new database. Raises Failed with the first error, or where the dump was cut off."""
    dump = Dump(owner)
    where = ["-h", live.socket, "-p", live.port, "-d", into]
    argv = [live.program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", *where, "-f", "-"]
    with tempfile.TemporaryFile() as wrong:
        with as_postgres(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=wrong) as psql:
            assert psql.stdin
            try:
                psql.stdin.write(b"SET client_min_messages = warning;\n" + dump.begin)
                for line in lines:
                    psql.stdin.write(dump.line(line))
                psql.stdin.close()
            except BrokenPipeError:
                pass  # its exit code says so
        if psql.returncode:
            raise Failed(_last("psql", wrong))
    if not dump.is_whole:
        raise Failed("the dump is cut off, or not of pg_dump: its last line is not there")
    return dump
