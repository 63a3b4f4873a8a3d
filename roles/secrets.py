"""Secrets: one encrypted file per environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr


@dataclass(frozen=True)
class Secret:
    """A secret that something reads. A `generated` one is made on first use; another one only you can supply."""

    name: str
    needed_by: str
    generated: bool = False


class Store:
    """The secrets of one environment."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def beside(cls, inventory: Path) -> Store:
        return cls(inventory.with_suffix(".secrets"))

    def complete(self, wanted: Sequence[Secret]) -> list[str]:
        return []

    def values(self) -> dict[str, SecretStr]:
        return {}
