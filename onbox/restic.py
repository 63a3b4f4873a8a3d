"""restic: backups of files in one repository, encrypted with a key that is in a file for root alone."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from onbox.shell import Failed
from onbox.shell import run as sh

Json = Any
KEY = "/etc/boxkeeper/backups/key"
CACHE = "/var/cache/boxkeeper-restic"
LONGEST = 6 * 3600.0


@dataclass(frozen=True)
class Repository:
    """Where restic keeps things; `env` and `options` say how it gets there."""

    name: str
    env: dict[str, str]
    options: tuple[str, ...]
    key: str = KEY

    @classmethod
    def of(cls, described: Json, key: str = KEY) -> Repository:
        return cls(described["name"], described["env"], tuple(described["options"]), key)

    def run(self, *arguments: str, ok: Sequence[int] = (0,)) -> str:
        """What it prints. Raises Failed with the reason."""
        env = {"RESTIC_PASSWORD_FILE": self.key, "RESTIC_CACHE_DIR": CACHE, "RESTIC_PROGRESS_FPS": "0", **self.env}
        try:
            return sh(["restic", *self.options, *arguments], env=env, timeout=LONGEST, ok=ok)
        except Failed as failed:
            lines = [line.strip() for line in str(failed).splitlines()]
            fatal = [line for line in lines if line.startswith("Fatal: ")]
            raise Failed(f"restic {arguments[0]}: {(fatal or lines[::-1])[0].removeprefix('Fatal: ')}") from None

    def begin(self) -> None:
        """Make the repository where there is none. One that is there and does not open is never touched."""
        try:
            self.run("cat", "config")
        except Failed as failed:
            if not any(word in str(failed) for word in ("does not exist", "unable to open config", "no such file")):
                raise
            self.run("init")

    def refusal(self) -> str:
        """Why its key does not open it, or "". Raises Failed where that can't be known."""
        try:
            self.run("cat", "config")
        except Failed as failed:
            if "wrong password" in str(failed):
                return str(failed)
            raise
        return ""

    def add_key(self, other: str) -> None:
        """Have it open with the key in that file, too."""
        self.run("unlock")  # of one that was killed
        self.run("key", "add", "--new-password-file", other)

    def remove_key(self, other: str) -> None:
        """Have it open no more with the key in that file."""
        keys = json.loads(replace(self, key=other).run("key", "list", "--json"))
        self.run("unlock")
        self.run("key", "remove", next(str(key["id"]) for key in keys if key["current"]))

    def backup(self, folders: Sequence[str], host: str) -> str:
        """Back folders up. Returns the snapshot's id."""
        said = self.run("backup", "--json", "--host", host, "--tag", "boxkeeper", *folders)
        summary = [json.loads(line) for line in said.splitlines() if '"summary"' in line]
        if not summary:
            raise Failed("restic backup: it does not say what it made")
        return str(summary[-1]["snapshot_id"])

    def snapshots(self) -> list[Json]:
        """What is in it, the oldest first: each with "id" and "time" (ISO format)."""
        found = json.loads(self.run("snapshots", "--json", "--tag", "boxkeeper"))
        return [{"id": one["id"], "time": one["time"], "paths": one["paths"]} for one in found or ()]

    def forget(self, days: int) -> None:
        """Let go of what is older than so many days, and of its data."""
        self.run("unlock")  # of one that was killed; another's that is alive stays
        self.run("forget", "--tag", "boxkeeper", "--group-by", "", "--keep-within", f"{days}d", "--prune")

    def verify(self, part: str = "") -> None:
        """Read all that is in it, or a part: "3/7". Raises Failed for what is damaged."""
        self.run("check", f"--read-data-subset={part}" if part else "--read-data")

    def restore(self, snapshot: str, folder: str, *only: str) -> None:
        """Bring a snapshot, or some paths of it, into a folder, and read back what was written."""
        os.makedirs(folder, mode=0o700, exist_ok=True)
        include = [word for path in only for word in ("--include", path)]
        self.run("restore", snapshot, "--target", folder, "--verify", *include)
