"""Releases of an app: built beside the old one, switched by one rename, taken back when it does not get healthy.

`apply` hands the work to a transient systemd unit that runs `run`: it completes, or undoes itself, also when the
connection is lost. Everything it says is in that unit's journal and in the release's record.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import tarfile
import time
from typing import Any

from onbox import health, units
from onbox.journal import last_lines
from onbox.shell import Failed
from onbox.shell import run as sh

Json = Any
STATE = "/var/lib/boxkeeper/releases"
APPS = "/srv"
KEEP = 5
"""Releases that stay on disk, the live one included."""


def observe(queries: list[Json]) -> list[Json]:
    return [_found(query["app"], query["git"]) for query in queries]


def _found(app: str, git: Json) -> Json:
    record = live(app) or {}
    return {
        "source": record.get("source"),
        "recipe": record.get("recipe"),
        "running": os.path.exists(f"/sys/fs/cgroup/system.slice/{_unit(app)}"),
        "commit": _commit(git) if git else None,
    }


def live(app: str) -> Json:
    """The record of the release that `current` points to, or None."""
    try:
        release = os.path.basename(os.readlink(f"{APPS}/{app}/current"))
        with open(f"{STATE}/{app}/{release}.json") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def _commit(git: Json) -> str | None:
    """The commit that a ref means now. A full commit needs no question; anything else asks the repository."""
    ref = git["ref"]
    if len(ref) == 40 and all(char in "0123456789abcdef" for char in ref):
        return str(ref)
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    # With `refs/` before them: a bare name would also match the ends of others, `main` that of `feature/main`.
    names = [f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}"]
    command = ["git", "ls-remote", "--", git["url"], *names]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = {name: commit for commit, _, name in (line.partition("\t") for line in done.stdout.splitlines())}
    return next((found[name] for name in names if name in found), None)  # `^{}` is what an annotated tag points to


def apply(payload: Json) -> None:
    app = payload["app"]
    if payload["source"] is None:
        git = payload["git"]
        reasons = "no branch, tag or full commit is called so, or the box can't reach it"
        raise Failed(f"{app}: {git['ref']} is not found at {git['url']}: {reasons}")
    _wait(app)
    folder = f"{STATE}/{app}"
    os.makedirs(folder, mode=0o755, exist_ok=True)
    with open(os.open(f"{folder}/next.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(payload, file)
    command = ["/usr/bin/python3", "-I", "/usr/local/lib/boxkeeper", "releases", "run", app]
    sh(["systemctl", "reset-failed", _unit(app)], ok=(0, 1))
    sh(["systemd-run", "--quiet", "--unit", _unit(app), "--property=RemainAfterExit=no", *command])
    _wait(app)
    outcome = _outcome(app)
    if outcome != "live":
        raise Failed(f"{app}: {outcome}")


def _wait(app: str) -> None:
    while sh(["systemctl", "is-active", _unit(app)], ok=(0, 3, 4)).strip() in ("active", "activating", "deactivating"):
        time.sleep(0.3)


def _unit(app: str) -> str:
    return f"boxkeeper-release-{app}.service"


def _outcome(app: str) -> str:
    try:
        with open(f"{STATE}/{app}/outcome") as file:
            return file.read()
    except FileNotFoundError:
        return "the release was cut off; run again"


def run(app: str) -> None:
    """Make the release described in next.json live. Ends with its outcome in a file, and in the exit code."""
    outcome = f"{STATE}/{app}/outcome"
    if os.path.exists(outcome):
        os.unlink(outcome)
    with open(f"{STATE}/{app}/next.json") as file:
        spec = json.load(file)
    try:
        _release(app, spec)
        ending = "live"
    except (Failed, OSError, tarfile.TarError) as failed:
        ending = str(failed)
    finally:
        os.unlink(f"{STATE}/{app}/next.json")
    temporary = f"{outcome}.new"
    with open(temporary, "w") as file:
        file.write(ending)
    os.rename(temporary, outcome)
    if ending != "live":
        raise Failed(ending)


def _release(app: str, spec: Json) -> None:
    root, before = f"{APPS}/{app}", _newest(app)
    _sweep(app)
    sh(["systemctl", "daemon-reload"])  # a run cut off after writing unit files has not done it
    release = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{spec['source'][:8]}"
    folder = f"{root}/releases/{release}"
    os.makedirs(folder, mode=0o755)
    _say(f"{release}: source")
    _unpack(spec, folder)
    sh(["chown", "-R", f"{app}:{app}", folder])
    _point(f"{root}/next", folder)
    _say(f"{release}: build")
    _unit_once(spec["build"])
    for unit in spec["before"]:
        _say(f"{release}: {unit}")
        _unit_once(unit)
    _say(f"{release}: live")
    _point(f"{root}/current", folder)
    try:
        _start(spec)
    except Failed as failed:
        _take_back(app, release, before, spec)
        back = "the release before it is back" if before else "nothing is live"
        raise Failed(f"{release} did not get healthy; {back}\n{failed}") from None
    _record(app, release, spec)
    os.unlink(f"{root}/next")
    _prune(app)


def _say(line: str) -> None:
    print(line, flush=True)


def _target(link: str) -> str | None:
    try:
        return os.readlink(link)
    except OSError:
        return None


def _point(link: str, to: str) -> None:
    """Make a link point elsewhere in one step, so that nobody ever finds none."""
    temporary = f"{link}.new"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(to, temporary)
    os.rename(temporary, link)


def _newest(app: str) -> str | None:
    """The folder of the newest release that was live and healthy: where to go back to."""
    names = sorted(name[:-5] for name in os.listdir(f"{STATE}/{app}") if "Z-" in name and name.endswith(".json"))
    return f"{APPS}/{app}/releases/{names[-1]}" if names else None


def _sweep(app: str) -> None:
    """Remove what a release that was cut off left behind: folders without a record."""
    current = _target(f"{APPS}/{app}/current")
    for name in os.listdir(f"{APPS}/{app}/releases"):
        path = f"{APPS}/{app}/releases/{name}"
        if path != current and not os.path.exists(f"{STATE}/{app}/{name}.json"):
            shutil.rmtree(path)


def _unpack(spec: Json, folder: str) -> None:
    if spec["archive"] is None:
        git = ["git", "-c", "advice.detachedHead=false", "-C", folder]
        sh([*git, "init", "--quiet"])
        sh(
            [*git, "fetch", "--quiet", "--depth", "1", spec["git"]["url"], spec["source"]],
            env={"GIT_TERMINAL_PROMPT": "0"},
        )
        sh([*git, "checkout", "--quiet", "FETCH_HEAD"])
        return
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(spec["archive"])), mode="r:gz") as tar:
        for entry in tar.getmembers():
            if os.path.isabs(entry.name) or ".." in entry.name.split("/"):
                raise Failed(f"the source holds {entry.name}, which points outside of it")
        # what this archive may hold was decided when it was packed; the filter is a second lock, where Python has it
        if hasattr(tarfile, "data_filter"):
            tar.extractall(folder, filter="data")
        else:
            tar.extractall(folder)


def _unit_once(unit: str) -> None:
    """Run a oneshot unit to its end; its own last lines are the error."""
    started = time.time()
    done = subprocess.run(["systemctl", "start", unit], capture_output=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{unit} failed; its last lines:\n{last_lines(unit, started)}")


def _start(spec: Json) -> None:
    """Restart what runs the app, on the release that is now current, and wait until it is healthy."""
    started = time.time()
    for unit in spec["units"]:
        units.do("restart", unit["name"])
        units.stamp(unit["name"], units.digest(unit["watch"], unit["live"]))
    if spec["health"]:
        reason = health.wait(spec["health"])
        if reason:
            raise Failed(health.explained(reason, spec["health"], started))


def _record(app: str, release: str, spec: Json) -> None:
    record = {
        "release": release,
        "source": spec["source"],
        "ref": (spec["git"] or {}).get("ref"),
        "recipe": spec["recipe"],
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    path = f"{STATE}/{app}/{release}.json"
    with open(f"{path}.new", "w") as file:
        json.dump(record, file)
    os.rename(f"{path}.new", path)


def _take_back(app: str, release: str, before: str | None, spec: Json) -> None:
    if before:
        _point(f"{APPS}/{app}/current", before)
        _start(spec)
    else:
        os.unlink(f"{APPS}/{app}/current")
        for unit in spec["units"]:
            sh(["systemctl", "stop", unit["name"]])
    shutil.rmtree(f"{APPS}/{app}/releases/{release}")


def _prune(app: str) -> None:
    current = os.path.basename(_target(f"{APPS}/{app}/current") or "")
    old = sorted(name for name in os.listdir(f"{APPS}/{app}/releases") if name != current)
    for name in old[: max(0, len(old) - KEEP + 1)]:
        shutil.rmtree(f"{APPS}/{app}/releases/{name}")
        if os.path.exists(f"{STATE}/{app}/{name}.json"):
            os.unlink(f"{STATE}/{app}/{name}.json")
