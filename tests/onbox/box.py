"""A box as far as releases ask it: folders, a clock, and a systemd that knows the unit files that are there."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from onbox import health, journal, machine, records, releases, relief, schema, slots, source, units
from onbox.shell import Failed

Json = Any
PROCESSES = {"web": "web", "worker": "worker", "beat": "alone"}
STEPS = ((os, ("rename", "symlink", "mkdir", "unlink", "rmdir")), (shutil, ("copyfile",)))
"""What a kill may come before: every change of a folder. Each command is one more."""


class Killed(BaseException):
    """What a program is that was killed: nothing of it goes on."""


class Box:
    """An app called `app` and its releases. `lives` says how many steps are taken before a kill; None for no kill."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "srv" / "app"
        self.states: dict[str, str] = {}
        self.runs: dict[str, str] = {}  # which release each service runs
        self.asked: list[str] = []
        self.sick: set[str] = set()  # sources that never get healthy
        self.fails: set[str] = set()  # units that fail
        self.now = 1_767_225_600.0  # 2026-01-01
        self.memory_mb = 4000
        self.lives: int | None = None
        self.power_fails = False
        for folder in (self.home / "builds", self.home / "releases", self.home / "slots", root / "units", root / "own"):
            folder.mkdir(parents=True)
        self.wants(PROCESSES)
        (root / "env").write_text("A=1")
        (root / "unix").write_text("Num       RefCount Protocol Flags    Type St Inode Path\n")

    def wants(self, processes: dict[str, str]) -> None:
        """These processes are those of the releases to come."""
        self.processes = processes
        shutil.rmtree(self.root / "own")
        (self.root / "own").mkdir()
        for process, kind in processes.items():
            (self.root / "own" / f"app-{process}@.service").write_text(f"[Service]\nExecStart={process}")
            if kind == "web":
                (self.root / "own" / f"app-{process}@.socket").write_text("[Socket]")

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Take the place of the machine that the tests run on."""
        patch.setattr(records, "APPS", str(self.root / "srv"))
        patch.setattr(slots, "UNITS", str(self.root / "units"))
        patch.setattr(relief, "UNITS", str(self.root / "while-up"))
        patch.setattr(slots, "SOCKETS", str(self.root / "unix"))
        patch.setattr(machine, "available_mb", lambda: self.memory_mb)
        patch.setattr(schema, "digest", lambda _: None)
        patch.setattr(health, "wait", self._wait)
        for module, name in ((slots, "run"), (releases, "sh"), (units, "run"), (source, "run")):
            patch.setattr(module, name, self.run)
        for module in (units, journal, health):
            patch.setattr(module, "said", self.said)
        patch.setattr(time, "time", lambda: self.now)
        patch.setattr(time, "monotonic", lambda: self.now)
        patch.setattr(time, "sleep", self._sleep)
        gmtime = time.gmtime
        patch.setattr(time, "gmtime", lambda seconds=None: gmtime(self.now if seconds is None else seconds))
        for module, names in STEPS:
            for name in names:
                patch.setattr(module, name, self._counted(getattr(module, name)))

    def _counted(self, really: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **more: Any) -> Any:
            self._live()
            return really(*given, **more)

        return counted

    def _live(self) -> None:
        if self.lives is not None:
            self.lives -= 1
            if self.lives < 0:
                raise Killed

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def _wait(self, door: Json) -> str:
        slot = slots.Slot("app", int(Path(door["socket"]).parent.name))
        return "GET /: 500" if slot.record["source"] in self.sick else ""

    def run(self, argv: Sequence[str], ok: Sequence[int] = (0,), **_: object) -> str:
        self._live()
        words = [word for word in argv[1:] if not word.startswith("--")]
        self.asked.append(" ".join(words))
        if argv[0] == "systemd-run":
            return self._transient(argv)
        if argv[0] != "systemctl":
            return ""
        verb, *names = words
        if verb == "is-active":
            return self.states.get(names[0], "inactive")
        if verb in ("start", "restart"):
            for name in names:
                self._start(name, verb, waited_for="--no-block" not in argv)
        if verb == "stop":
            strange = [name for name in names if name not in self.states and not self._has_file(name)]
            for name in names:
                self.states.pop(name, None)
                self.runs.pop(name, None)
            if strange and 5 not in ok:
                raise Failed(f"Unit {strange[0]} not loaded.")
        return ""

    def _has_file(self, name: str) -> bool:
        return (self.root / "units" / name).exists()

    def _start(self, name: str, verb: str, waited_for: bool) -> None:
        if name in ("app-build.service", "app-release.service"):
            if name in self.fails:
                raise Failed(f"{name}: exit code 1")
            return
        if not self._has_file(name):
            raise Failed(f"Unit {name} not found.")
        number = name.partition("@")[2].partition(".")[0]
        release = os.path.basename(os.readlink(self.home / "slots" / number / "release"))
        if name in self.fails:
            self.states[name] = "failed"
            if waited_for:
                raise Failed(f"{name}: exit code 1")
            return
        if name.endswith(".service") and (verb == "restart" or self.states.get(name) != "active"):
            self.runs[name] = release
        self.states[name] = "active"

    def _transient(self, argv: Sequence[str]) -> str:
        tasks = {"run": lambda: releases.run(*argv[-2:]), "renewed": lambda: releases.renewed(argv[-1])}
        task = next((tasks[word] for word in argv if word in tasks), None)
        if task is None:
            self.states[next(word for word in argv if word.startswith("--unit=")).partition("=")[2]] = "active"
            return ""
        fault = self._fault(task)
        releases.settle("app")
        if fault and "--wait" in argv:
            raise fault
        return ""

    def _fault(self, task: Callable[[], None]) -> Failed | None:
        """How a task of a unit ends."""
        try:
            task()
        except Failed as failed:
            return failed
        except Killed:
            self.lives = None
            if self.power_fails:
                raise
            return Failed("killed")
        return None

    def said(self, argv: Sequence[str]) -> str:
        if argv[0] != "systemctl":
            return ""
        blocks = (
            f"Id={name}\nActiveState={self.states.get(name, 'inactive')}\nNeedDaemonReload=no\nNRestarts=0"
            for name in argv[argv.index("--") + 1 :]
        )
        return "\n\n".join(blocks)

    def spec(self, made_of: str, **more: Any) -> Json:
        """What asks for a release of this source."""
        processes = [
            {"unit": f"app-{name}", "kind": kind, "socket": name, "memory_mb": 100}
            for name, kind in self.processes.items()
        ]
        return {
            **{"app": "app", "kind": "release", "who": "me@here", "pinned": False, "like": None, "ref": "main"},
            **{"source": made_of * 40, "git": None, "archive": archive(("main.py", b"1")), "recipe": "r"},
            **{"build": "app-build.service", "before": ["app-release.service"], "processes": processes},
            **{"environment": str(self.root / "env"), "shared": [], "database": None, "drain_seconds": 60},
            **{"own": [str(path) for path in sorted((self.root / "own").iterdir(), reverse=True)]},
            **{"health": {"process": "web", "path": "/", "host": "app.example.com"}},
            **more,
        }

    def release(self, made_of: str, **more: Any) -> Json:
        """Make a release of this source. Returns its record."""
        self.now += 10
        releases.apply(self.spec(made_of, **more))
        return records.every("app")[-1]

    def rollback(self, to: str) -> Json:
        """Make an earlier release live. Returns its record."""
        self.now += 10
        asked = {"app": "app", "kind": "rollback", "like": to, "pinned": True, "who": "me@here", "before": []}
        releases.apply({**asked, "environment": str(self.root / "env")})
        return records.every("app")[-1]

    def reboot(self) -> None:
        self.states.clear()
        self.runs.clear()
        slots.boot()

    @property
    def live(self) -> str:
        """The letter that the source of the live release is made of; "" for none."""
        slot = slots.live("app")
        return str(slot.record["source"][0]) if slot else ""

    def builds(self) -> list[str]:
        return sorted(path.name for path in (self.home / "builds").iterdir())


def archive(*entries: tuple[str, bytes]) -> str:
    """A source as it is sent."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return base64.b64encode(packed.getvalue()).decode()


def keep(name: str, **more: Any) -> None:
    """A release's folder with its record."""
    folder = Path(records.path("app", name))
    (folder / "units").mkdir(parents=True)
    known = {"app": "app", "name": name, "build": name, "built": True, "result": "live", "source": name, "recipe": "r"}
    known |= {"installed": "", "like": None}
    (folder / "release.json").write_text(json.dumps({**known, "started": 0, "processes": [], **more}))
