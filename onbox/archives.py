"""Archives of programs: fetched in as many parts as it takes, unpacked only when their hash is right."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from typing import Any

from onbox import detached
from onbox.shell import Failed, run

Json = Any
CACHE = "/var/cache/boxkeeper/archives"
"""What was fetched, by its hash, until it is unpacked. An archive that somebody puts here is not fetched."""
MADE_OF = "made-of.json"
TRIES = 6
CHUNK = 1 << 20
SPEAK = 15.0
"""Seconds between two lines about how far it is."""


def observe(queries: list[str]) -> list[Json]:
    return [{"machine": os.uname().machine, "made_of": _made_of(link)} for link in queries]


def _made_of(link: str) -> Json:
    try:
        with open(os.path.join(link, MADE_OF)) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def apply(payload: Json) -> None:
    """Fetch and unpack in a unit of its own, which goes on when the connection is lost."""
    unit = f"boxkeeper-archive-{os.path.basename(payload['link'])}.service"
    detached.run(unit, ["archives", "install", json.dumps(payload)])


def install(request: str) -> None:
    """Fetch, check, unpack, switch; each only after the one before it."""
    wanted = json.loads(request)
    os.makedirs(CACHE, mode=0o700, exist_ok=True)
    path = os.path.join(CACHE, wanted["made_of"]["sha256"])
    _fetch(wanted["url"], path, wanted["made_of"]["sha256"])
    _unpack(path, wanted)
    before = os.path.realpath(wanted["link"])
    _point(wanted["link"], wanted["folder"])
    os.unlink(path)
    _sweep(wanted, before)


def _fetch(url: str, path: str, sha256: str) -> None:
    """Have the whole archive at `path`. What is there of it already is not fetched again."""
    for attempt in range(TRIES):
        try:
            if not _is_whole(path, sha256):
                _rest(url, path)
            break
        except OSError as error:
            _say(f"{url}: {error}")
            if attempt == TRIES - 1:
                raise Failed(f"{url} can't be fetched: {error}; what is here of it stays, run again") from None
            time.sleep(2**attempt)
    if not _is_whole(path, sha256):
        found = _sha256(path)
        os.unlink(path)
        raise Failed(f"{url} has the SHA-256 {found}, wanted is {sha256}; nothing of it was unpacked")


def _is_whole(path: str, sha256: str) -> bool:
    return os.path.exists(path) and _sha256(path) == sha256


def _sha256(path: str) -> str:
    total = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(CHUNK):
            total.update(piece)
    return total.hexdigest()


def _rest(url: str, path: str) -> None:
    """Fetch from where it ended. Raises OSError when it ends early again."""
    # imported here: they take 40 ms, and every run imports this module to look
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    have = os.path.getsize(path) if os.path.exists(path) else 0
    request = Request(url, headers={"Range": f"bytes={have}-", "User-Agent": "boxkeeper"})
    try:
        with urlopen(request, timeout=60) as answer:
            goes_on = getattr(answer, "status", 200) == 206
            have = have if goes_on else 0
            length = answer.headers.get("Content-Length")
            total = have + int(length) if length else None
            with open(path, "ab" if goes_on else "wb") as file:
                have = _copied(answer, file, have, total)
    except HTTPException as error:
        raise OSError(f"it ended early ({type(error).__name__})") from None
    except OSError as error:
        if getattr(error, "code", None) == 416 and os.path.exists(path):
            os.unlink(path)  # longer than what is there now: of another archive
        raise
    if total is not None and have < total:
        raise OSError(f"it ended early, at {have} of {total} bytes")


def _copied(answer: Any, file: Any, have: int, total: int | None) -> int:
    """Copy it piece by piece, and say now and then how far it is. Returns where it ended."""
    spoken = time.monotonic()
    while piece := answer.read(CHUNK):
        file.write(piece)
        have += len(piece)
        if time.monotonic() - spoken > SPEAK:
            spoken = time.monotonic()
            _say(f"fetched {have >> 20} MB" + (f" of {total >> 20}" if total else ""))
    return have


def _unpack(path: str, wanted: Json) -> None:
    """Unpack beside the place and move there: the folder is whole, or not there. Its record is what says so."""
    folder, fresh = wanted["folder"], f"{wanted['folder']}.new"
    if _made_of(folder) == wanted["made_of"]:
        return
    for leftover in (fresh, folder):
        shutil.rmtree(leftover, ignore_errors=True)
    os.makedirs(fresh, mode=0o755)
    without = [f"--exclude={pattern}" for pattern in wanted["made_of"]["without"]]
    _say("unpacking")
    run(["tar", "--extract", "--no-same-owner", *without, f"--file={path}", f"--directory={fresh}"], timeout=1800)
    if not os.access(os.path.join(fresh, wanted["program"]), os.X_OK):
        shutil.rmtree(fresh)
        raise Failed(f"{wanted['url']} holds no program {wanted['program']}")
    os.chmod(fresh, 0o755)  # `./` in an archive has a mode of its own
    with open(os.path.join(fresh, MADE_OF), "w") as file:
        json.dump(wanted["made_of"], file)
    os.sync()
    os.rename(fresh, folder)


def _point(link: str, to: str) -> None:
    """Make a link point elsewhere in one step, so that nobody ever finds none."""
    temporary = f"{link}.link"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(to, temporary)
    os.rename(temporary, link)


def _sweep(wanted: Json, before: str) -> None:
    """Remove versions but this one and the one before, which still runs, and archives that nobody asks for any more."""
    parent, prefix = os.path.dirname(wanted["link"]), f"{os.path.basename(wanted['link'])}-"
    for name in os.listdir(parent):
        path = os.path.join(parent, name)
        if name.startswith(prefix) and path not in (wanted["folder"], before) and _made_of(path):
            shutil.rmtree(path, ignore_errors=True)


def _say(line: str) -> None:
    print(line, flush=True)
