"""A trial: releases of Pulse under load, and what its clients noticed of them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from target.box import Target
from target.load import Load
from target.run import Run, run

HERE = Path(__file__).parent
INVENTORY = HERE / "inventory.py"
KINDS = ("python", "node")


@dataclass(frozen=True)
class Site:
    """Pulse of one kind on a target, and the folder of its source."""

    target: Target
    folder: Path
    kind: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def app(self) -> str:
        return f"pulse-{self.kind}"

    @property
    def environment(self) -> dict[str, str]:
        return {"BOXKEEPER_TARGET": self.target.name, "PULSE": str(self.folder), **self.variables}

    def write(self, version: str) -> None:
        """Make the source one of this version."""
        (self.folder / self.kind / "VERSION").write_text(version)

    def release(self, version: str) -> Run:
        self.write(version)
        return run(INVENTORY, "deploys/release.py", "-y", "--data", f"app={self.app}", environment=self.environment)

    def roll_back(self, to: str) -> Run:
        options = ("-y", "--data", f"app={self.app}", "--data", f"to={to}")
        return run(INVENTORY, "deploys/rollback.py", *options, environment=self.environment)

    def converge(self, *options: str) -> Run:
        return run(INVENTORY, "deploys/full.py", *options, environment=self.environment)

    def live(self) -> str:
        """The name of the release that is live."""
        return self.target.succeed(f"basename $(readlink /srv/{self.app}/live/release)").strip()

    def load(self, sockets: int = 200, talk: bool = True) -> Load:
        return Load(f"{self.kind}.localhost", self.target.port(443), sockets, talk)

    def memory_mb(self) -> int:
        """What all its running versions take together (proc(5): Pss)."""
        pids = f"systemctl show -P MainPID '{self.app}-web@*.service' | grep -v '^0$'"
        each = f"for pid in $({pids}); do cat /proc/$pid/smaps_rollup 2>/dev/null; done"  # one may have just ended
        pss = f"{each} | awk '/^Pss:/ {{kb += $2}} END {{print kb}}'"
        return int(self.target.succeed(pss) or 0) // 1024


@contextmanager
def sites(target: Target, variables: dict[str, str] | None = None) -> Iterator[dict[str, Site]]:
    """Both kinds of Pulse on a target, converged with version one."""
    with TemporaryDirectory(prefix="boxkeeper-pulse-") as folder:
        made = {kind: Site(target, Path(folder), kind, variables or {}) for kind in KINDS}
        for kind, site in made.items():
            shutil.copytree(
                HERE / kind, Path(folder, kind), ignore=shutil.ignore_patterns("__pycache__", "node_modules")
            )
            site.write("one")
        done = made["python"].converge("-y")
        assert done.code == 0, done.output
        yield made


@dataclass(frozen=True)
class Step:
    """One release of a trial: seconds from the command to the first answer of the new version, and its exit code."""

    what: str
    code: int
    seconds: float | None


@dataclass(frozen=True)
class Trial:
    """What clients noticed, and what it cost."""

    kind: str
    requests: int
    failed: list[str]
    sockets: int
    cut: list[str]
    steps: list[Step]
    before_mb: int
    peak_mb: int


def trial(site: Site) -> Trial:
    """Five releases, one of them broken, and a rollback, while 200 WebSockets are open and requests never rest."""
    steps, before = [], site.memory_mb()
    peak = before
    with site.load() as load:
        first = site.live()
        for version in ("two", "three", "broken", "four", "five"):
            started = time.monotonic()
            done = site.release(version)
            answered = load.seen.get(version)
            steps.append(Step(version, done.code, answered and answered - started))
            peak = max(peak, site.memory_mb())
        load.seen.clear()
        started = time.monotonic()
        back = site.roll_back(first)
        deadline = time.monotonic() + 5
        while "one" not in load.seen and time.monotonic() < deadline:
            time.sleep(0.05)
        answered = load.seen.get("one")
        steps.append(Step("back to one", back.code, answered and answered - started))
        peak = max(peak, site.memory_mb())
        echoed = load.echoed
        time.sleep(2)
        assert load.echoed > echoed, "no WebSocket answers any more"
    return Trial(site.kind, load.requests, load.failed, load.sockets, load.cut, steps, before, peak)
