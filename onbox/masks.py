"""Masks: an app's secrets, covered in what it says before that is written down or shown."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from onbox import records

ENVIRONMENTS = "/etc/boxkeeper/apps"
SHORTEST = 6
"""Characters of what is covered: less would be found where it is none."""
HIDDEN = re.compile(r"# hidden: (.*)\n")
LINE = re.compile(r'^([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"$', re.MULTILINE | re.DOTALL)
"""A variable as `roles/apps/environment.py` writes it; its value may have several lines."""


def masked(text: str, app: str) -> str:
    """The text with each secret of an app replaced by its name: those wanted now, and those of what is live."""
    found: dict[str, str] = {}
    for path in (f"{ENVIRONMENTS}/{app}.env", f"{records.home(app)}/live/release/environment"):
        with contextlib.suppress(OSError), open(path) as file:
            found.update(secrets(file.read()))
    for part in sorted(found, key=len, reverse=True):
        text = text.replace(part, f"[{found[part]}]")
    return text


def secrets(environment: str) -> Iterator[tuple[str, str]]:
    """Each secret of an environment's file, and each part of one that gives it away, with its name."""
    names = said[1].split() if (said := HIDDEN.match(environment)) else []
    for name, value in LINE.findall(environment):
        if name in names:
            parts = _parts(re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL))
            yield from ((part, name) for part in parts if len(part) >= SHORTEST)


def _parts(value: str) -> Iterator[str]:
    """A value, each of its lines, and the password in one that is an address."""
    yield value
    yield from (line.strip() for line in value.splitlines())
    with contextlib.suppress(ValueError):
        password = urlsplit(value).password or ""
        yield from (password, unquote(password))
