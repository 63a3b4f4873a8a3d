"""What apps and services cost in memory and disk, compared with a box before anything on it changes.

A role that costs something says so in its settings: `costs(apps, size) -> Iterator[Cost]`, beside `clashes(apps)`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from roles.plans import Plan, cheapest, table
from roles.resources import Json

if TYPE_CHECKING:
    from roles.apps.app import App
    from roles.server import Server

TIGHT_RAM, TIGHT_DISK = 80, 10
"""Percent of the memory that what runs may take, and of the disk that stays free, before a user is warned."""
SEEN = 90
"""Percent of what is sold that a box sees: one of 512 MB shows 460, and a file system takes its part of a disk."""
IDLE = 4
"""One part in so many of the memory's size may sleep in swap; more, and a box swaps instead of working."""
BUILD_MB = 150
"""What a build without npm takes for a while: uv and pip with some wheels."""
UNITS = {"k": 1, "m": 1 << 10, "g": 1 << 20}


def megabytes(size: str) -> int:
    """`512M`, `64mb` or `2g` in MB, rounded up. Raises ValueError."""
    found = re.fullmatch(r"([0-9]{1,9})([kmg])b?", size.lower())
    if found is None:
        raise ValueError(f"{size!r} is no size; write it like `512M`")
    return -(-int(found[1]) * UNITS[found[2]] >> 10)


@dataclass(frozen=True)
class Cost:
    """What one thing takes of a box.

    `ram_mb` is what it works with, not the limit at which it is stopped: limits have room for accidents, which do not
    happen to all at once. `brief_mb` is memory for a while only, such as a build's; those follow each other.
    """

    what: str
    ram_mb: int = 0
    disk_mb: int = 0
    brief_mb: int = 0
    there: str = ""
    """A path that is on a box once this has its disk, so that the second run does not ask for it again."""
    less_ram: str = ""
    less_disk: str = ""
    """What to write to need less, e.g. "a smaller `redis_memory` for notes"."""
    mapped_mb: int = 0
    """Of its memory what is a file that the kernel can drop for a while, and read again: a model's weights."""


@dataclass(frozen=True)
class Size:
    """How big a box is. `swap_mb` is None where there is none yet, and the base role will make it."""

    ram_mb: int
    disk_mb: int
    swap_mb: int | None = None


@dataclass(frozen=True)
class Lack:
    """What a box has too little of, and what to write in the inventory to need less of it; "" where nothing helps."""

    says: str
    less: str


@dataclass(frozen=True)
class Bill:
    """The costs of a server on a box of some size, and the swap that this box will have."""

    costs: Sequence[Cost]
    size: Size
    swap_mb: int

    @property
    def ram_mb(self) -> int:
        """What runs all the time."""
        return sum(cost.ram_mb for cost in self.costs)

    @property
    def brief(self) -> Cost:
        """The biggest of what runs for a while."""
        return max(self.costs, key=lambda cost: cost.brief_mb, default=Cost("nothing"))

    @property
    def mapped_mb(self) -> int:
        """What of that may wait while something else is at work."""
        return sum(cost.mapped_mb for cost in self.costs)

    @property
    def disk_mb(self) -> int:
        return sum(cost.disk_mb for cost in self.costs)

    def to_come_mb(self, there: Container[str]) -> int:
        """Disk that will be taken on a box where these paths are."""
        return sum(cost.disk_mb for cost in self.costs if cost.there not in there)

    def lacks(self) -> Iterator[Lack]:
        """Why no box of this size will do; nothing when it fits."""
        ram, swap = self.size.ram_mb, self.swap_mb
        has = f"has {shown(ram)} of memory" + (f" and {shown(swap)} of swap" if swap else "")
        runs = f"{shown(self.ram_mb)} ({listed(self.costs, 'ram_mb')})"
        working = ram + min(swap, ram // IDLE)
        if self.ram_mb > working:
            yield Lack(f"{has}, and what runs takes {runs}", self._less("ram", self.ram_mb - working))
        elif self.ram_mb - self.mapped_mb + self.brief.brief_mb > ram + swap:
            takes = f"{self.brief.what} takes {shown(self.brief.brief_mb)} for a while"
            yield Lack(f"{has}, {takes}, and what runs {runs}", self.brief.less_ram)
        if self.disk_mb > self.size.disk_mb:
            takes = f"{shown(self.disk_mb)} are needed ({listed(self.costs, 'disk_mb')})"
            less = self._less("disk", self.disk_mb - self.size.disk_mb)
            yield Lack(f"has {shown(self.size.disk_mb)} of disk, and {takes}", less)

    def _less(self, what: str, excess_mb: int) -> str:
        """What to write so that one thing needs so much less; "" where none of those that can shrink is that big."""
        for cost in ranked(self.costs, f"{what}_mb"):
            if (less := str(getattr(cost, f"less_{what}"))) and getattr(cost, f"{what}_mb") > excess_mb:
                return less
        return ""


def bill(server: Server, size: Size) -> Bill:
    """What a server costs on a box of this size: Postgres, for one, takes a share of it."""
    roles = [settings for settings in vars(server).values() if hasattr(settings, "costs")]
    own = [cost for role in roles for cost in role.costs(server.apps, size)]
    apps = [cost for app in server.apps for cost in costs(app)]
    return Bill([*own, *apps], size, server.base.swap(size))


def costs(app: App) -> Iterator[Cost]:
    """What an app takes of a box besides what its needs take."""
    ram = sum(megabytes(process.typical) for process in app.processes)
    less = f"a smaller `disk` for {app.name}"
    yield Cost(app.name, ram, megabytes(app.disk), there=f"{app.root}/current", less_disk=less)
    npm = app.uses_npm and app.build_on == "box"
    brief = megabytes(app.build_memory) if npm else BUILD_MB
    yield Cost(f"the build of {app.name}", brief_mb=brief, less_ram=npm * f'`build_on="here"` for {app.name}')


def fitting(server: Server) -> list[Plan]:
    """The plans of the table on which this server fits."""
    return [plan for plan in table() if not any(bill(server, seen(plan)).lacks())]


def seen(plan: Plan) -> Size:
    """A bare box of this plan, as it shows itself."""
    return Size(plan.ram_mb * SEEN // 100, (plan.disk_gb << 10) * SEEN // 100)


@dataclass(frozen=True)
class Budget:
    """The costs of a server against the box that was found. Nothing of it is changed."""

    server: Server
    kind: ClassVar[str] = "budget"

    def query(self) -> Json:
        """The paths by which the box says what is there already; the same for a box of any size."""
        return sorted({cost.there for cost in bill(self.server, Size(1024, 10240)).costs} - {""})

    def refuse(self, found: Json) -> Sequence[str]:
        """Why this box is too small, all of it in one line."""
        found_bill = self._bill(found)
        lacks = list(found_bill.lacks())
        if lacks:
            says = "; it ".join(lack.says for lack in lacks)
            return [f"this box {says}: {_instead(self.server, lacks)}"]
        come, free = found_bill.to_come_mb(found["there"]), found["free_mb"]
        if come > free:
            costs = [cost for cost in found_bill.costs if cost.there not in found["there"]]
            takes = f"{shown(come)} more are needed ({listed(costs, 'disk_mb')})"
            room = "make room; on the box `du -xhd3 / | sort -h` shows what is there"
            return [f"this box has {shown(free)} of free disk, and {takes}: {room}"]
        return []

    def warn(self, found: Json) -> Sequence[str]:
        """Where it fits, but just so."""
        found_bill = self._bill(found)
        ram, left = found["ram_mb"], found["free_mb"] - found_bill.to_come_mb(found["there"])
        warnings = []
        if found_bill.ram_mb * 100 > ram * TIGHT_RAM:
            takes = f"what runs takes {shown(found_bill.ram_mb)} of its {shown(ram)} of memory"
            warnings.append(f"{takes} ({listed(found_bill.costs, 'ram_mb')})")
        if left * 100 < found["disk_mb"] * TIGHT_DISK:
            warnings.append(f"{shown(max(left, 0))} of its {shown(found['disk_mb'])} of disk stay free")
        return warnings

    def summary(self, found: Json) -> str:
        """How it fits, in one line."""
        found_bill = self._bill(found)
        come = found_bill.to_come_mb(found["there"])
        disk = f"{shown(come)} more of its {shown(found['free_mb'])} of free disk" if come else "no more disk"
        return f"what runs takes {shown(found_bill.ram_mb)} of its {shown(found['ram_mb'])} of memory, and {disk}"

    def _bill(self, found: Json) -> Bill:
        swap = found["swap_mb"] if found["swap_mb"] or found["container"] else None
        return bill(self.server, Size(found["ram_mb"], found["disk_mb"], swap))


def _instead(server: Server, lacks: Sequence[Lack]) -> str:
    """What to do when a box is too small."""
    plans = " or ".join(f"{plan.title} ({plan.cost} a month)" for plan in cheapest(fitting(server)))
    take = f"the cheapest plan that fits is {plans}" if plans else "no plan of `boxkeeper plans` fits"
    less = " and ".join(dict.fromkeys(lack.less for lack in lacks))
    return f"{take}; or write {less}" if all(lack.less for lack in lacks) else take


def ranked(costs: Iterable[Cost], key: str) -> list[Cost]:
    """Costs with the biggest first, less those that are none."""
    return sorted((cost for cost in costs if getattr(cost, key)), key=lambda cost: -int(getattr(cost, key)))


def listed(costs: Iterable[Cost], key: str, most: int = 4) -> str:
    """Who needs how much, the biggest first."""
    big = ranked(costs, key)
    few = big if len(big) <= most + 1 else big[:most]
    rest = sum(int(getattr(cost, key)) for cost in big[len(few) :])
    words = [f"{cost.what} {shown(getattr(cost, key))}" for cost in few]
    return ", ".join([*words, *([f"{len(big) - len(few)} more {shown(rest)}"] if rest else [])])


def shown(mb: int) -> str:
    return f"{mb} MB" if mb < 1024 else f"{mb / 1024:.1f} GB"


def clashes(apps: Iterable[App]) -> Iterator[str]:
    """Processes whose sizes are none, or that work with more than the limit at which they are stopped."""
    for app in apps:
        for process in app.processes:
            try:
                fits = megabytes(process.typical) <= megabytes(process.memory)
            except ValueError as error:
                yield f"{app.name}: {process.name}: {error}"
                continue
            if not fits:
                works = f"works with {process.typical} and is stopped at {process.memory}"
                yield f'{app.name}: {process.name} {works}: write e.g. `memory="{2 * megabytes(process.typical)}M"`'
