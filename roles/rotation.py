"""A secret as the store keeps it, and the phases in which another value takes its place while both work.

1. begun: the box accepts both, the app uses the one it had.
2. switched: the box accepts both, the app uses the new one; what still runs of it has the old one in its environment.
3. closed: the box accepts the new one alone; the old one is kept until it has been tried, and refused.
4. finished: there is one value again.

Each step is a pure function that changes nothing when it has been taken already: a rotation that was cut off anywhere
goes on by its phase, which is in the store with the values.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timezone
from typing import Any, Literal

from roles import Fault, keys

LETTERS = string.ascii_letters + string.digits
LENGTH = 40
"""Of a generated secret, whatever it is for: 238 bits, of characters that need no quoting in a URL, a shell or a config
file. The most that a reader asks for is 32 characters (HS256 for JWT), and none takes fewer than 40."""
Made = Literal["password", "key"]
"""What can be made here: letters and digits, or a private SSH key."""
USED = "is being rotated, and its app may still use the old value"
LONGEST_DAYS = 90
"""Days after which a secret should be another one: what PairCam's document asks for, here of all alike."""


@dataclass(frozen=True)
class Other:
    """The value beside the one that is used: the next one when begun, from the switch on the one before.

    `made` is its own date; `since` is when this phase began, both in ISO format, UTC.
    """

    value: str = field(repr=False)
    made: str
    phase: Literal["begun", "switched", "closed"]
    since: str


@dataclass(frozen=True)
class Kept:
    """A secret in the store. `made` is a date in ISO format, UTC; `turn` counts its rotations, up to the last switch.

    By it two values that overlap can be told apart where each needs a name of its own: a database's logins.
    """

    value: str = field(repr=False)
    made: str
    kind: Made | Literal["supplied"]
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
        """Every value that the box must accept, the older first: a switch changes nothing for the box."""
        return tuple(value for _, value in self.logins)

    @property
    def logins(self) -> tuple[tuple[int, str], ...]:
        """Each value that is accepted, with its turn."""
        now = (self.turn, self.value)
        if self.other is None or self.other.phase == "closed":
            return (now,)
        if self.other.phase == "begun":
            return (now, (self.turn + 1, self.other.value))
        return ((self.turn - 1, self.other.value), now)

    @property
    def previous(self) -> str | None:
        """The value that was used until the switch, while it is still accepted."""
        return self.other.value if self.other and self.other.phase == "switched" else None

    @property
    def refused(self) -> tuple[int, str] | None:
        """The value that nothing is to accept any more, with its turn, until that has been proved."""
        return (self.turn - 1, self.other.value) if self.other and self.other.phase == "closed" else None

    @property
    def hours(self) -> float:
        """How long its rotation has been in this phase. Raises AttributeError where none is under way."""
        assert self.other
        began = datetime.fromisoformat(self.other.since)
        return (datetime.fromisoformat(now()) - began).total_seconds() / 3600

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


def generated(kind: Made = "password") -> Kept:
    """A new value that nobody has seen."""
    value = keys.made_for_ssh() if kind == "key" else "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    return Kept(value, today(), kind)


def supplied(value: str) -> Kept:
    """A value that the user gives."""
    return Kept(value, today(), "supplied")


def begin(kept: Kept, value: str = "") -> Kept:
    """Have the box accept a next value too: the given one, or a new one where it is ours to make.

    Raises Fault without a value for a supplied secret, and for another value than the one that was begun with.
    """
    if kept.other is not None:
        if value and value not in kept.accepted:
            raise Fault("is being rotated to another value already")
        return kept
    if not value:
        if kept.kind == "supplied":
            raise Fault("is not ours to make: the next value has to be given")
        value = generated(kept.kind).value
    if value == kept.value:
        raise Fault("has that value already")
    return replace(kept, other=Other(value, today(), "begun", now()))


def switch(kept: Kept) -> Kept:
    """Have the app use the next value. Raises Fault where none was begun with."""
    if kept.other is None:
        raise Fault("is not being rotated")
    if kept.other.phase != "begun":
        return kept
    before = Other(kept.value, kept.made, "switched", now())
    return replace(kept, value=kept.other.value, made=kept.other.made, turn=kept.turn + 1, other=before)


def close(kept: Kept) -> Kept:
    """Have the box accept the value before no more. Raises Fault while the app uses it."""
    if kept.other is None or kept.other.phase == "begun":
        raise Fault("is not being rotated" if kept.other is None else USED)
    return kept if kept.phase == "closed" else replace(kept, other=replace(kept.other, phase="closed", since=now()))


def finish(kept: Kept) -> Kept:
    """Forget the value before. Raises Fault while the box accepts it."""
    if kept.phase in ("begun", "switched"):
        raise Fault(USED)
    return replace(kept, other=None)


def today() -> str:
    return datetime.now(timezone.utc).date().isoformat()


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
