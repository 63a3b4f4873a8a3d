"""Imports: an app's database, from a dump or out of another server, beside what is live; and the way out, exports."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from onbox import counts, follow, postgres, restore
from onbox.dump import Dump
from onbox.elsewhere import Elsewhere
from onbox.pipes import PLAIN, load, output
from onbox.shell import Failed

Json = Any


def run(text: str) -> None:
    """Import as this JSON says, and print what was done: {"database", "into", "url": whether standard input is the
    address of another server, else it is a dump}. Raises Failed; what is live is as it was."""
    asked = json.loads(text)
    live = postgres.only(postgres.clusters())
    database, into = asked["database"], asked["into"]
    with restore.arriving(live, into, database):
        with _dumped(live, asked["url"]) as (lines, source):
            dump = load(live, into, database, lines)
        there = counts.of(live.ask, [into])[into]
        if wrong := counts.differences(there, dump.rows, dump.rows) if dump.rows else []:
            raise Failed(f"what arrived is not what was sent: {'; '.join(wrong[:5])}")
        if source:
            now = source.counts()
            if wrong := counts.differences(there, now, now):
                print(f"! it has changed over there since: {'; '.join(wrong[:5])}")
    print(f"database {into}: {len(there)} tables, {sum(there.values())} rows, each compared")


def place(text: str) -> None:
    """Put what was imported into the place of what is live, which is kept by another name. Raises Failed.

    What follows another server is first brought to where that is now.
    """
    asked = json.loads(text)
    live = postgres.only(postgres.clusters())
    if not restore.is_there(live, asked["into"]):
        raise Failed(f"there is no database {asked['into']}: import one first")
    follow.finish(live, asked["into"])
    for line in restore.swapped(live, asked["database"], asked["into"]):
        print(line.strip())


def begin_to_follow(text: str) -> None:
    """Import from the address on standard input, and follow what changes there. Raises Failed."""
    asked = json.loads(text)
    live = postgres.only(postgres.clusters())
    follow.begin(live, asked["database"], asked["into"], sys.stdin.buffer.read().decode())


def forget(text: str) -> None:
    """Drop what was imported, and whatever follows the other server. Raises Failed."""
    asked = json.loads(text)
    live = postgres.only(postgres.clusters())
    follow.end(live, asked["into"])
    restore.drop(live, asked["into"])


def export(database: str) -> None:
    """Write a database to standard output as plain SQL that any PostgreSQL takes, and count it. Raises Failed."""
    live, dump = postgres.only(postgres.clusters()), Dump("")
    with output([live.program("pg_dump"), *PLAIN, "-h", live.socket, "-p", live.port, database], None) as lines:
        for line in lines:
            dump.line(line)
            sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
    print(f"{database}: {len(dump.rows)} tables, {sum(dump.rows.values())} rows", file=sys.stderr)


@contextmanager
def _dumped(live: postgres.Cluster, url: bool) -> Iterator[tuple[Iterator[bytes], Elsewhere | None]]:
    """The lines of a dump, and where they are from. Raises Failed where it ends with an error."""
    given = sys.stdin.buffer
    if url:
        source = Elsewhere.at(given.read().decode(), live.program("psql"))
        with output([live.program("pg_dump"), *PLAIN], source.env) as lines:
            yield lines, source
    elif _begins(given, b"PGDMP"):
        with output([live.program("pg_restore"), "--no-owner", "--no-acl", "-f", "-"], None, given) as lines:
            yield lines, None
    elif _begins(given, b"\x1f\x8b"):
        with gzip.open(given) as lines:
            yield iter(lines), None
    else:
        yield iter(given), None


def _begins(given: Any, magic: bytes) -> bool:
    return bool(given.peek(len(magic))[: len(magic)] == magic)
