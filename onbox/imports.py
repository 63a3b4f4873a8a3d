"""Imports: an app's database, from a dump or out of another server, beside what is live; and the way out, exports."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import IO, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from onbox import counts, postgres, restore
from onbox.dump import Dump
from onbox.scratch import as_postgres
from onbox.shell import Failed

Json = Any
PLAIN = ("--format=plain", "--no-owner", "--no-acl", "--no-publications", "--no-subscriptions")
PARAMETERS = {
    "sslmode": "PGSSLMODE",
    "options": "PGOPTIONS",
    "channel_binding": "PGCHANNELBINDING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "gssencmode": "PGGSSENCMODE",
}
"""What an address may say behind its question mark, and the variable that says the same to PostgreSQL's programs."""


def run(text: str) -> None:
    """Import as this JSON says, and print what was done: {"database", "into", "url": whether standard input is the
    address of another server, else it is a dump}. Raises Failed; what is live is as it was."""
    asked = json.loads(text)
    live = postgres.only(postgres.clusters())
    database, into = asked["database"], asked["into"]
    restore.must_be_new(live, into)
    restore.create(live, into, database)
    try:
        with _dumped(live, asked["url"]) as (lines, source):
            dump = _loaded(live, into, database, lines)
        there = counts.of(live.ask, [into])[into]
        if wrong := counts.differences(there, dump.rows, dump.rows) if dump.rows else []:
            raise Failed(f"what arrived is not what was sent: {'; '.join(wrong[:5])}")
        if source and (
            wrong := counts.differences(there, *[counts.of(source.ask, [source.database])[source.database]] * 2)
        ):
            print(f"! it has changed over there since: {'; '.join(wrong[:5])}")
    except BaseException:
        live.ask(f'DROP DATABASE IF EXISTS "{into}" WITH (FORCE)')
        raise
    print(f"database {into}: {len(there)} tables, {sum(there.values())} rows, each compared")


def place(text: str) -> None:
    """Put what was imported into the place of what is live, which is kept by another name. Raises Failed."""
    asked = json.loads(text)
    live = postgres.only(postgres.clusters())
    if not restore.is_there(live, asked["into"]):
        raise Failed(f"there is no database {asked['into']}: import one first")
    for line in restore.swapped(live, asked["database"], asked["into"]):
        print(line.strip())


def export(database: str) -> None:
    """Write a database to standard output as plain SQL that any PostgreSQL takes, and count it. Raises Failed."""
    live, dump = postgres.only(postgres.clusters()), Dump("")
    with _output([live.program("pg_dump"), *PLAIN, "-h", live.socket, "-p", live.port, database], None) as lines:
        for line in lines:
            dump.line(line)
            sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
    print(f"{database}: {len(dump.rows)} tables, {sum(dump.rows.values())} rows", file=sys.stderr)


@dataclass(frozen=True)
class Source:
    """Another server's database; its address is a secret and stays in the environment of programs."""

    env: Mapping[str, str] = field(repr=False)
    program: str

    @property
    def database(self) -> str:
        return self.env["PGDATABASE"]

    def ask(self, sql: str, timeout: float = 20, database: str = "") -> str:
        """What psql says there. Raises Failed with its errors."""
        argv = [self.program, "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        with as_postgres(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.env) as psql:
            said, wrong = psql.communicate(sql.encode(), timeout)
        if psql.returncode:
            raise Failed(f"the other server: {wrong.decode(errors='replace').strip()}")
        return said.decode()


def source_of(url: str) -> dict[str, str]:
    """The variables that say to PostgreSQL's programs what an address says. Raises Failed, without the address."""
    parts = urlsplit(url.strip())
    if parts.scheme not in ("postgresql", "postgres") or not parts.hostname or not parts.path.strip("/"):
        raise Failed("that is no address of a database; it looks like postgresql://user:password@host:5432/name")
    said = {
        "PGHOST": parts.hostname,
        "PGPORT": str(parts.port or 5432),
        "PGUSER": unquote(parts.username or "postgres"),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.strip("/")),
    }
    more = {PARAMETERS[name]: value for name, value in parse_qsl(parts.query) if name in PARAMETERS}
    return {**postgres.ENVIRONMENT, "PGCONNECT_TIMEOUT": "15", **said, **more}


@contextmanager
def _dumped(live: postgres.Cluster, url: bool) -> Iterator[tuple[Iterator[bytes], Source | None]]:
    """The lines of a dump, and where they are from. Raises Failed where it ends with an error."""
    given = sys.stdin.buffer
    if url:
        source = Source(source_of(given.read().decode()), live.program("psql"))
        with _output([live.program("pg_dump"), *PLAIN], source.env) as lines:
            yield lines, source
    elif _begins(given, b"PGDMP"):
        with _output([live.program("pg_restore"), "--no-owner", "--no-acl", "-f", "-"], None, given) as lines:
            yield lines, None
    elif _begins(given, b"\x1f\x8b"):
        with gzip.open(given) as lines:
            yield iter(lines), None
    else:
        yield iter(given), None


def _begins(given: Any, magic: bytes) -> bool:
    return bool(given.peek(len(magic))[: len(magic)] == magic)


@contextmanager
def _output(
    argv: list[str], env: Mapping[str, str] | None, given: IO[bytes] | None = None
) -> Iterator[Iterator[bytes]]:
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


def _loaded(live: postgres.Cluster, into: str, owner: str, lines: Iterator[bytes]) -> Dump:
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
