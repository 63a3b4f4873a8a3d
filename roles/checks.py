"""Questions about a box whose answers are only looked at, before anything on it changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

from roles.resources import Json, Refusing

TIGHT = "tight:"
"""How a warning begins, after the box's name; by it `boxkeeper up` finds the line again in what pyinfra prints."""


class Check(Refusing, Protocol):
    """A question about the box whose answer is to be looked at, and nothing else: it wants nothing changed."""

    kind: ClassVar[str]
    """The program in `onbox/` that answers it."""

    def query(self) -> Json:
        """What to ask the box, as a resource does."""
        ...

    def warn(self, found: Json) -> Sequence[str]:
        """What a user should know though the box may be changed, one line each."""
        ...
