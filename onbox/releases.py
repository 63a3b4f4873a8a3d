"""Releases of an app: built beside the live one, started in a slot of its own, and live only once it is healthy.

`apply` hands the work to a transient systemd unit that runs `run`: it completes, or undoes itself, also when the
connection is lost or it is killed. A release is one version of everything that an app runs with:

    /srv/APP/builds/NAME           its source, built; releases that differ only in their environment share one
    /srv/APP/releases/NAME         a link to its build, its environment and its units, and its record
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Sequence
from typing import Any

from onbox import handover, records, schema, slots, source, stock, units
from onbox.journal import last_lines
from onbox.links import point, target
from onbox.masks import masked
from onbox.shell import Failed
from onbox.shell import run as sh
from onbox.slots import Slot

Json = Any
AS_IT_WAS = ("source", "recipe", "ref", "shared", "processes", "health", "drain_seconds", "database")
"""What a release that is like an earlier one takes from its record."""
TOLD = ("app", "kind", "who", "pinned", "like", *AS_IT_WAS)
"""What a record says of what was asked for."""


def observe(queries: list[Json]) -> list[Json]:
    slotted = {query["app"]: slots.live(query["app"]) for query in queries}
    shown = units.show([unit for slot in slotted.values() if slot for unit in slot.units], units.STATE)
    return [_found(query, slotted[query["app"]], shown) for query in queries]


def _found(query: Json, slot: Slot | None, shown: dict[str, dict[str, str]]) -> Json:
    app = query["app"]
    return {
        "live": (slot and slot.record) or None,
        "intact": slot is not None and _is_intact(slot),
        "running": under_way(app),
        "commit": source.commit(query["git"]) if query["git"] else None,
        "builds": [[record["source"], record["recipe"]] for record in stock.built(app)],
        "environment": digest([query["environment"]]),
        "units": digest(query["units"]),
        "states": {unit: _state(shown.get(unit, {})) for unit in (slot.units if slot else ())},
    }


def digest(paths: Sequence[str]) -> str:
    """One hash of the contents of files."""
    return units.digest(list(paths), [])


def _state(shown: dict[str, str]) -> str:
    return "stale" if shown.get("NeedDaemonReload") == "yes" else shown.get("ActiveState", "unknown")


def _is_intact(slot: Slot) -> bool:
    """Whether a slot still has the environment and the units that its release was made with."""
    record = slot.record
    own = [f"{slots.UNITS}/{slot.unit(os.path.basename(path))}" for path in record.get("own", ())]
    there = (digest([f"{slot.path}/release/environment"]), digest(own))
    return there == (record.get("environment"), record.get("installed"))


def under_way(app: str) -> Json:
    """The record of the release that is being made at this moment, or None."""
    if not os.path.exists(f"/sys/fs/cgroup/system.slice/{_unit(app)}"):
        return None
    begun: list[Json] = [record for record in records.every(app) if record["result"] is None]
    return begun[-1] if begun else {"name": "", "who": "somebody", "time": "now", "step": "begins"}


def apply(payload: Json) -> None:
    """Make a release as its spec says. One that is `like` an earlier one has its build and its units."""
    app = payload["app"]
    if payload["like"]:
        payload = {**payload, **_as_it_was(app, payload["like"])}
    if payload["source"] is None:
        raise Failed(f"{app}: {_not_found(payload['git'])}")
    _wait(app)
    name = _begin(payload)
    _in_unit("run", app, name)
    _wait(app)
    record = records.read(app, name) or {}
    if record.get("result") != "live":
        raise Failed(f"{app}: {record.get('reason') or 'the release was cut off; run again'}")


def _not_found(git: Json) -> str:
    """Why there is nothing to release, and what to do: a private repository has to be told of the deploy key."""
    try:
        refusal = source.refusal(git["url"], git.get("ssh"))
    except (OSError, subprocess.TimeoutExpired):
        refusal = "no answer within 30 s"
    if not refusal:
        return f"{git['ref']} is not found at {git['url']}: no branch, tag or full commit is called so"
    if git.get("public") is None:
        return f"the box can't read {git['url']}: {refusal}"
    with open(git["public"]) as file:
        key = file.read().strip()
    return f"the box can't read {git['url']}: {refusal}; let it by adding this deploy key there, for reading: {key}"


def _as_it_was(app: str, release: str) -> Json:
    """What a release was made of, less its environment: secrets may have been rotated since."""
    record, folder = records.read(app, release), records.path(app, release)
    if record is None or not stock.is_whole(app, release):
        raise Failed(f"{app} has no release {release} any more; `boxkeeper releases ENV {app}` shows which it has")
    return {**{word: record[word] for word in AS_IT_WAS}, "own": [f"{folder}/units/{name}" for name in record["own"]]}


def _wait(app: str) -> None:
    while sh(["systemctl", "is-active", _unit(app)], ok=(0, 3, 4)).strip() in ("active", "activating", "deactivating"):
        time.sleep(0.2)


def _unit(app: str) -> str:
    return f"boxkeeper-release-{app}.service"


def _in_unit(verb: str, app: str, *arguments: str, options: Sequence[str] = ()) -> None:
    """Have a unit do something with an app, one at a time."""
    program = "/usr/bin/python3 -I /usr/local/lib/boxkeeper releases"
    # killed, it still tidies up: the box does that, however the connection or the release ends
    after = f"--property=ExecStopPost={program} settle {app}"
    named = ["--quiet", "--collect", f"--unit={_unit(app)}", after, *options]
    sh(["systemd-run", *named, *program.split(), verb, app, *arguments], timeout=units.JOB)


def _begin(spec: Json) -> str:
    """Write down what is to be done, and by whom. Returns the name of the release."""
    app, started = spec["app"], time.time()
    while True:
        name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{spec['source'][:8]}"
        try:
            os.mkdir(records.path(app, name), mode=0o755)
            break
        except FileExistsError:  # of this very second
            time.sleep(0.2)
    moment = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)), "started": started}
    with open(os.open(_spec(app, name), os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        json.dump(spec, file)
    fresh = {"name": name, "build": name, "built": False, "step": "begins", "result": None, "how": "", "schema": None}
    records.write({**fresh, **moment, **{word: spec[word] for word in TOLD}})
    return name


def _spec(app: str, name: str) -> str:
    """Where what is to be done waits for the unit that does it."""
    return f"{records.path(app, name)}/spec.json"


def run(app: str, name: str) -> None:
    """Make the release `name` live. Ends with its result in its record, and in the exit code."""
    with open(_spec(app, name)) as file:
        spec = json.load(file)
    os.unlink(_spec(app, name))
    record = records.read(app, name)
    try:
        settle(app, name)
        stock.prune(record)
        sh(["systemctl", "daemon-reload"])  # a run cut off after writing unit files has not done it
        _prepare(spec, record)
        handover.go_live(record)
    except (Failed, OSError, tarfile.TarError) as failed:
        reason = masked(str(failed), app)
        _end(record, "failed", reason)
        raise Failed(reason) from None
    _end(record, "live")


def renew(app: str) -> None:
    """Hand over from what is live to a second copy of it, which runs the files of now. It is no release of its own.

    Raises Failed with the copy's words when it does not get healthy; what was live goes on then.
    """
    _wait(app)
    started = time.time()
    try:
        _in_unit("renewed", app, options=["--wait"])
    except Failed:
        raise Failed(f"{app}: {last_lines(_unit(app), started)}") from None


def renewed(app: str) -> None:
    """What `renew` has a unit do."""
    settle(app)
    now = slots.live(app)
    if now is not None:
        record = now.record
        try:
            handover.go_live({**record, "started": time.time()})
        except Failed as failed:
            raise Failed(masked(str(failed), app)) from None
        finally:
            records.write(record)  # of how it was released, not of this


def settle(app: str, making: str = "") -> None:
    """Finish or undo what a release left that was killed: what is live goes on, whatever else was begun is gone.

    `making` is the name of the one that is being made meanwhile.
    """
    slots.tidy(app)
    now = slots.live(app)
    for record in records.every(app):
        if record["result"] is None and record["name"] != making:
            done = now is not None and now.release == record["name"]
            _end(record, "live" if done else "cut off", "" if done else "it was cut off; run again")


def _end(record: Json, result: str, reason: str = "") -> None:
    """Write down how a release ended, and make room: first, because a full disk takes no record."""
    record.update(result=result, reason=reason, seconds=time.time() - record["started"])
    following = f"{records.home(record['app'])}/next"
    if os.path.lexists(following):
        os.unlink(following)
    stock.prune(record)
    records.write(record)


def _prepare(spec: Json, record: Json) -> None:
    """Everything before the new version runs: its environment and units, its build, what is run before traffic."""
    app, name = spec["app"], record["name"]
    folder, now = records.path(app, name), slots.live(app)
    live = now.record if now else {}
    built = stock.build_of(app, spec["source"], spec["recipe"])
    record["build"] = built or name
    point(f"{folder}/build", f"../../builds/{record['build']}")
    if before := _before(now, record["build"]):
        point(f"{folder}/before", before)
    point(f"{records.home(app)}/next", f"releases/{name}")
    _copy(spec, record)
    if not built:
        _build(spec, record)
    record["built"] = True
    if live.get("build") != record["build"]:
        for unit in spec["before"]:
            records.step(record, unit.removesuffix(".service"))
            _unit_once(unit)
    record["schema"] = schema.digest(spec["database"])


def _before(now: Slot | None, build: str) -> str | None:
    """Where the build before this one is: a page that was opened then may still ask for its hashed files."""
    live = now.record.get("build") if now else None
    if now is None or live is None:
        return None
    return target(f"{now.path}/release/before") if live == build else f"../../builds/{live}"


def _copy(spec: Json, record: Json) -> None:
    """The release's own environment and units, and what they are known by."""
    folder = records.path(spec["app"], record["name"])
    own = os.open(f"{folder}/environment", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(spec["environment"], "rb") as wanted, open(own, "wb") as file:
        file.write(wanted.read())
    os.makedirs(f"{folder}/units", mode=0o755, exist_ok=True)
    for path in spec["own"]:
        shutil.copyfile(path, f"{folder}/units/{os.path.basename(path)}")
    record["own"] = [os.path.basename(path) for path in spec["own"]]
    record["environment"] = digest([f"{folder}/environment"])
    record["units"] = digest([*spec["own"], *spec["shared"]])
    record["installed"] = digest([f"{folder}/units/{name}" for name in record["own"]])


def _build(spec: Json, record: Json) -> None:
    app, folder = spec["app"], f"{records.home(spec['app'])}/builds/{record['name']}"
    records.step(record, "source")
    os.makedirs(folder, mode=0o755)
    source.unpack(spec, folder)
    sh(["chown", "-R", f"{app}:{app}", folder])
    records.step(record, "build")
    _unit_once(spec["build"])


def _unit_once(unit: str) -> None:
    """Run a oneshot unit to its end; its own last lines are the error. Failed, it is no fault of the box."""
    started = time.time()
    try:
        sh(["systemctl", "start", unit], timeout=units.JOB)
    except Failed:
        sh(["systemctl", "reset-failed", unit], ok=(0, 1))
        raise Failed(f"{unit} failed; its last lines:\n{last_lines(unit, started)}") from None
