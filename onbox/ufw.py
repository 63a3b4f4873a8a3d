"""ufw, where a provider's image comes with it switched on."""

from __future__ import annotations

import contextlib
from typing import Any

from onbox.shell import run

Json = Any


def observe(queries: list[None]) -> list[bool]:
    return [_enabled() for _ in queries]


def _enabled() -> bool:
    with contextlib.suppress(FileNotFoundError), open("/etc/ufw/ufw.conf") as file:
        return any(line.strip().lower() == "enabled=yes" for line in file)
    return False


def apply(payload: None) -> None:
    run(["ufw", "--force", "disable"])
