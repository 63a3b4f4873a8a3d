"""What a unit said last."""

from __future__ import annotations

import json
from itertools import groupby

from onbox.shell import said


def last_lines(unit: str, since: float = 0, lines: int = 30) -> str:
    """A unit's own last lines since a time (as time.time() counts), indented; systemd's where it had none.

    Of one that was started again and again these are the lines of one life: the last that has ended.
    """
    shape = [f"--since=@{int(since)}", "--no-pager", "--quiet"]
    own = said(["journalctl", *shape, "--output=json", f"--lines={lines * 10}", f"_SYSTEMD_UNIT={unit}"])
    lives: dict[str, list[str]] = {}
    for entry in map(json.loads, own.splitlines()):
        lives.setdefault(str(entry.get("_SYSTEMD_INVOCATION_ID")), []).append(_text(entry.get("MESSAGE")))
    if lives:
        words = list(lives.values())[-2:][0][-lines:]
    else:
        words = said(["journalctl", *shape, "--output=cat", "--lines=12", f"--unit={unit}"]).strip().splitlines()
    runs = [(line, len(list(same))) for line, same in groupby(words)]
    return "\n".join(f"  {line}{f'  ({times} times)' if times > 1 else ''}" for line, times in runs)


def _text(message: object) -> str:
    """A message as text; the journal gives one that is no UTF-8 as a list of bytes."""
    return bytes(message).decode(errors="replace") if isinstance(message, list) else str(message)
