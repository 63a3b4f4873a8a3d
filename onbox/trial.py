"""Whether a password or token opens what it is for, tried on the box as its app would. It never is in an argument."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from onbox import backups, redis, source, stun
from onbox.restic import Repository
from onbox.shell import Failed

Json = Any
PATIENCE = 10.0
"""Seconds that a service has to answer."""


def observe(queries: list[Json]) -> list[str]:
    """For each {"kind", "value", ...} "" where it opens, else what was said to it."""
    return [_said(query) for query in queries]


def _said(query: Json) -> str:
    try:
        return KINDS[query["kind"]](query)
    except (OSError, Failed, subprocess.TimeoutExpired) as error:
        return str(error) or type(error).__name__


def _postgres(query: Json) -> str:
    where = f"host=127.0.0.1 user={query['login']} dbname={query['database']} connect_timeout={PATIENCE:.0f}"
    done = subprocess.run(
        ["psql", "-XAtqw", where, "-c", "SELECT 1"],
        env={**os.environ, "PGPASSWORD": query["value"], "LC_ALL": "C.UTF-8"},  # which root alone can read
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE * 2,
        check=False,
    )
    said = (done.stderr or done.stdout).decode(errors="replace").strip()
    return "" if done.returncode == 0 else said or f"psql: exit code {done.returncode}"


def _redis(query: Json) -> str:
    with redis.connected(query["port"]) as link:
        answer = link.ask("AUTH", query["user"], query["value"])
    return "" if answer == "+OK" else answer


def _chroma(query: Json) -> str:
    token = f"X-Chroma-Token: {query['value']}"
    request = f"GET /api/v2/heartbeat HTTP/1.1\r\nHost: box\r\n{token}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", query["port"]), timeout=PATIENCE) as link:
        link.sendall(request.encode())
        words = link.makefile("rb").readline().decode(errors="replace").split(None, 1)
    status = words[1].strip() if len(words) > 1 else "no answer"
    return "" if status.startswith("200") else status


def _turn(query: Json) -> str:
    return stun.allocate(query["value"], PATIENCE)


def _git(query: Json) -> str:
    with _key(query) as path:
        return source.refusal(query["url"], f"{query['ssh']} -i {path}")


def _sftp(query: Json) -> str:
    with _key(query) as path:
        argv = shlex.split(query["ssh"].format(key=path))
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE * 2, check=False)
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return "" if done.returncode == 0 else (lines or [f"ssh: exit code {done.returncode}"])[-1]


def _restic(query: Json) -> str:
    [each] = [one for one in backups.described()["repositories"] if one["name"] == query["place"]]
    with _key(query) as path:
        return Repository.of(each, path).refusal()


@contextlib.contextmanager
def _key(query: Json) -> Iterator[str]:
    """A file with the value, in memory, for root alone."""
    with tempfile.NamedTemporaryFile("w", dir="/run") as key:
        key.write(f"{query['value'].strip()}\n")
        key.flush()
        yield key.name


KINDS: Mapping[str, Callable[[Json], str]] = {
    "postgres": _postgres,
    "redis": _redis,
    "chroma": _chroma,
    "turn": _turn,
    "git": _git,
    "sftp": _sftp,
    "restic": _restic,
}
