"""A secret as the store keeps it, and the phases in which another value takes its place while both work.

1. begun: the box accepts both, the app uses the one it had.
2. switched: the box accepts both, the app uses the new one; what still runs of it has the old one in its environment.
3. finished: there is one value again, and the box accepts no other.

Each step is a pure function that changes nothing when it has been taken already: a rotation that was cut off anywhere
goes on by its phase, which is in the store with the values.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timezone
from typing import Any, Literal

from roles import Fault

LETTERS = string.ascii_letters + string.digits
LENGTH = 40
"""Of a generated secret, whatever it is for: 238 bits, of characters that need no quoting in a URL, a shell or a config
file. The most that a reader asks for is 32 characters (HS256 for JWT), and none takes fewer than 40."""
LONGEST_DAYS = 90
"""Days after which a secret should be another one: what PairCam's document asks for, here of all alike."""


@dataclass(frozen=True)
class Other:
    """The value beside the one that is used: the next one when begun, the one before when switched.

    `made` is its own date; `since` is when this phase began, both in ISO format, UTC.
    """

    value: str = field(repr=False)
    made: str
    phase: Literal["begun", "switched"]
    since: str


@dataclass(frozen=True)
class Kept:
    """A secret in the store. `made` is a date in ISO format, UTC; `turn` counts the values that it has had by rotation.

    A value that is a login of a database needs another login's name than the one it overlaps with: see `turn`'s use.
    """

    value: str = field(repr=False)
    made: str
    kind: Literal["password", "supplied"]
    turn: int = 0
    other: Other | None = None

    @property
    def days(self) -> int:
        """Its age in days."""
        return (date.fromisoformat(today()) - date.fromisoformat(self.made)).days

    @property
    def phase(self) -> str:
        """Of its rotation; "" where none is under way."""
        return self.other.phase if self.other else ""

    @property
    def accepted(self) -> tuple[str, ...]:
        """Every value that the box must accept, the one that the app uses first."""
        return (self.value, self.other.value) if self.other else (self.value,)

    @property
    def previous(self) -> str | None:
        """The value that was used until the switch, while it is still accepted."""
        return self.other.value if self.other and self.other.phase == "switched" else None

    def stored(self) -> dict[str, Any]:
        """As JSON. What says nothing is left out, so that a file changes only where a secret did."""
        found = asdict(self)
        return {name: value for name, value in found.items() if value or name not in ("turn", "other")}

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Kept:
        """What `stored` made. Raises TypeError, ValueError or AttributeError for anything else."""
        date.fromisoformat(stored["made"])
        other = stored.get("other")
        return cls(**{**stored, "other": other and Other(**other)})


def generated() -> Kept:
    """A new value that nobody has seen."""
    return Kept("".join(secrets.choice(LETTERS) for _ in range(LENGTH)), today(), "password")


def supplied(value: str) -> Kept:
    """A value that the user gives."""
    return Kept(value, today(), "supplied")


def begin(kept: Kept, value: str = "") -> Kept:
    """Have the box accept a next value too: the given one, or for a password a new one.

    Raises Fault without a value for a supplied secret, and for another value than the one that was begun with.
    """
    if kept.other is not None:
        if value and value not in kept.accepted:
            raise Fault("is being rotated to another value already")
        return kept
    if not value and kept.kind == "supplied":
        raise Fault("is not ours to make: the next value has to be given")
    if value == kept.value:
        raise Fault("has that value already")
    return replace(kept, other=Other(value or generated().value, today(), "begun", now()))


def switch(kept: Kept) -> Kept:
    """Have the app use the next value. Raises Fault where none was begun with."""
    if kept.other is None:
        raise Fault("is not being rotated")
    if kept.other.phase == "switched":
        return kept
    before = Other(kept.value, kept.made, "switched", now())
    return replace(kept, value=kept.other.value, made=kept.other.made, turn=kept.turn + 1, other=before)


def finish(kept: Kept) -> Kept:
    """Forget the value before. Raises Fault while the app uses it."""
    if kept.phase == "begun":
        raise Fault("is being rotated, and its app still uses the old value")
    return replace(kept, other=None)


def today() -> str:
    return datetime.now(timezone.utc).date().isoformat()


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
