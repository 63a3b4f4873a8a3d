"""Chroma: the files of its instances, on a box of a size."""

from __future__ import annotations

from typing import Any

from onbox import files, machine

Json = Any


def observe(queries: list[list[str]]) -> list[Json]:
    return [{"ram_mb": machine.memory_mb(), "files": found} for found in files.observe(queries)]


def apply(payload: Json) -> None:
    files.apply(payload)
