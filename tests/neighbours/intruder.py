"""Runs inside one app's unit and tries what is another app's.

Reads a JSON file, {owner: {kind: [what to try, ...]}}, and prints {owner: {what was tried: what came of it}}. What lets
it in is `open`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen


def tried(attempt: Callable[[Any], str], what: Any) -> str:
    try:
        return attempt(what)
    except OSError as error:
        return f"refused: {error.strerror or error}"


def path(name: str) -> str:
    if os.path.isdir(name):
        return f"open: {len(os.listdir(name))} entries"
    with open(name, "rb") as file:
        return f"open: {len(file.read())} bytes"


def connect(address: Any) -> str:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as made:
        made.settimeout(3)
        made.connect(address if isinstance(address, str) else tuple(address))
    return "open"


def signal(pid: int) -> str:
    os.kill(pid, 0)
    return "open"


def database(name: str) -> str:
    """With our own account on another database."""
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        return "refused: no account"
    return said(["psql", "-wAtc", "SELECT 1", f"{url.rpartition('/')[0]}/{name}"], "1")


def redis(port: int) -> str:
    """With our own account on another instance, and with none."""
    account = os.environ.get("REDIS_URL", "redis://default:x@").partition("://")[2].partition("@")[0]
    user, _, password = account.partition(":")
    env = {**os.environ, "REDISCLI_AUTH": password}
    named = said(["redis-cli", "-p", str(port), "--user", user, "PING"], "PONG", env)
    nameless = said(["redis-cli", "-p", str(port), "PING"], "PONG")
    return named if named == "open" else nameless


def chroma(port: int) -> str:
    """With our own token, or none."""
    token = os.environ.get("CHROMA_TOKEN", "none")
    address = f"http://127.0.0.1:{port}/api/v2/auth/identity"
    try:
        with urlopen(Request(address, headers={"X-Chroma-Token": token}), timeout=10) as answer:
            return "open" if answer.status == 200 else f"refused: {answer.status}"
    except HTTPError as error:
        return f"refused: {error.code}"


def said(argv: Sequence[str], wanted: str, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(list(argv), capture_output=True, text=True, timeout=20, env=env, check=False)
    return "open" if wanted in done.stdout.split() else f"refused: {(done.stderr or done.stdout).strip()[:120]}"


KINDS: Mapping[str, Callable[[Any], str]] = {
    "path": path,
    "socket": connect,
    "signal": signal,
    "database": database,
    "redis": redis,
    "chroma": chroma,
}

with open(sys.argv[1]) as question:
    owned = json.load(question)
print(
    json.dumps(
        {
            owner: {f"{kind} {what}": tried(KINDS[kind], what) for kind, each in wanted.items() for what in each}
            for owner, wanted in owned.items()
        }
    )
)
