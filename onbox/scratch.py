"""A scratch cluster: a backup of PostgreSQL, recovered beside the live one, reached and missed by nobody else."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onbox import pgbackrest, postgres
from onbox.shell import Failed
from onbox.shell import run as sh

FOLDER = "/var/lib/postgresql/boxkeeper-scratch"
PORT = "54399"
"""Names its socket; it listens on no network."""
SETTINGS = f"""# Written by Boxkeeper: a copy that may be lost at any time.
data_directory = '{FOLDER}/data'
hba_file = '{FOLDER}/hba.conf'
listen_addresses = ''
port = {PORT}
unix_socket_directories = '{FOLDER}'
shared_buffers = '32MB'
hot_standby = off
fsync = off
full_page_writes = off
ssl = off
archive_mode = off
max_worker_processes = 4
log_min_messages = 'warning'
"""
LONGEST = 4 * 3600
"""Seconds that recovery may take."""


@dataclass(frozen=True)
class Scratch:
    """The running copy."""

    cluster: postgres.Cluster

    def ask(self, sql: str, timeout: float = 20, database: str = "postgres") -> str:
        """What psql says as the superuser of the copy. Raises Failed."""
        return self.cluster.ask(sql, timeout, database, place=(PORT, FOLDER))

    def dump(self, database: str, tables: Sequence[str], into: str) -> None:
        """Copy a database of the copy, or tables of it, into one of the live server's that is empty. Raises Failed."""
        chosen = [f"--table={table}" for table in tables]
        dump = [self.cluster.program("pg_dump"), "-Fc", "-Z0", "-h", FOLDER, "-p", PORT, *chosen, database]
        live = ["-h", self.cluster.socket, "-p", self.cluster.port]
        restore = [self.cluster.program("pg_restore"), *live, "--exit-on-error", "-d", into]
        with as_postgres(dump, stdout=subprocess.PIPE) as first, as_postgres(restore, stdin=first.stdout) as second:
            assert first.stdout
            first.stdout.close()
            said = second.communicate(timeout=LONGEST)[1].decode(errors="replace")
            # one that was cut off has to be seen by itself: what it had written restores without a word
            told = first.stderr.read().decode(errors="replace") if first.stderr else ""
        for name, process, words in (("pg_dump", first, told), ("pg_restore", second, said)):
            if process.returncode:
                raise Failed(f"{name}: {(words.strip().splitlines() or ['no reason given'])[-1]}")

    def amcheck(self) -> None:
        """Read every table and index of every database. Raises Failed for what is damaged."""
        said = [self.cluster.program("pg_amcheck"), "-h", FOLDER, "-p", PORT, "--all", "--install-missing"]
        with as_postgres(said, stdout=subprocess.PIPE) as check:
            told, wrong = (part.decode(errors="replace") for part in check.communicate(timeout=LONGEST))
        if check.returncode:
            raise Failed(f"pg_amcheck: {(told + wrong).strip().splitlines()[0]}")


def as_postgres(
    argv: Sequence[str],
    stdin: Any = subprocess.DEVNULL,
    stdout: Any = None,
    stderr: Any = subprocess.PIPE,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """A program that is started as PostgreSQL's account."""
    return subprocess.Popen(
        list(argv),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        **postgres.ACCOUNT,
        env=env or postgres.ENVIRONMENT,
    )


@contextlib.contextmanager
def restored(repository: int, target: Sequence[str]) -> Iterator[Scratch]:
    """A copy from this repository, recovered to a target of pgBackRest's; gone in the end. Raises Failed."""
    live = postgres.only(postgres.clusters())
    remove(live)
    _room(repository)
    try:
        for folder in (FOLDER, f"{FOLDER}/data"):
            os.mkdir(folder, 0o700)
            shutil.chown(folder, "postgres", "postgres")
        pgbackrest.restore(repository, f"{FOLDER}/data", target)
        with _running(live) as scratch:
            yield scratch
    finally:
        remove(live)


@contextlib.contextmanager
def _running(live: postgres.Cluster) -> Iterator[Scratch]:
    for name, text in (("postgresql.conf", SETTINGS), ("hba.conf", "local all postgres peer\n")):
        with open(f"{FOLDER}/{name}", "w") as file:
            file.write(text)
        shutil.chown(file.name, "postgres", "postgres")
    options = [f"--config-file={FOLDER}/postgresql.conf", "-D", f"{FOLDER}/data"]
    with open(f"{FOLDER}/log", "w") as log:
        server = as_postgres([live.program("postgres"), *options], stdout=log, stderr=log)
    try:
        yield _recovered(Scratch(live), server)
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
        server.wait(120)


def _recovered(scratch: Scratch, server: subprocess.Popen[bytes]) -> Scratch:
    """It lets nobody in before it is as of the moment that was asked for."""
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(Failed):
            if scratch.ask("SELECT pg_is_in_recovery()").strip() == "f":
                return scratch
        time.sleep(0.5)
    raise Failed(f"what was restored does not start: {_objection()}")


def _objection() -> str:
    with open(f"{FOLDER}/log", errors="replace") as file:
        lines = [line for line in file.read().splitlines() if "FATAL" in line and "not accepting" not in line]
    return lines[-1] if lines else "it gives no reason"


def remove(live: postgres.Cluster) -> None:
    """Leave nothing of a copy, one whose restore was killed included."""
    if os.path.exists(f"{FOLDER}/data/postmaster.pid"):
        stop = [live.program("pg_ctl"), "-D", f"{FOLDER}/data", "-m", "immediate", "-w", "stop"]
        with as_postgres(stop, stdout=subprocess.DEVNULL) as stopped:
            stopped.wait(120)
    if os.path.isdir(FOLDER):
        sh(["rm", "-rf", FOLDER])


def _room(repository: int) -> None:
    """Raises Failed where the disk has no room for a copy."""
    backups = pgbackrest.backups(repository)
    if not backups:
        raise Failed("there is no backup of PostgreSQL yet")
    needed, free = backups[-1]["bytes"], shutil.disk_usage("/var/lib/postgresql").free
    if free < needed * 1.2 + (512 << 20):
        need = f"{int(needed * 1.2) >> 20} MB and 512 MB to spare"
        raise Failed(f"the disk has {free >> 20} MB free, and a copy to restore into takes {need}")
