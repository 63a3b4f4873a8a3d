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
import tarfile
import time
from collections.abc import Sequence
from typing import Any

from onbox import health, machine, records, schema, slots, source, units
from onbox.journal import last_lines
from onbox.links import point, target
from onbox.records import APPS
from onbox.shell import Failed
from onbox.shell import run as sh
from onbox.slots import Slot

Json = Any
STATE = "/var/lib/boxkeeper/releases"
"""Where what is to be released waits for the unit that does it."""
KEEP = 5
"""Releases that stay on disk, the live one included."""
REMEMBERED = 30
"""Records that stay, those of failed releases included."""
RESERVE_MB = 64
"""Memory that a second copy of an app leaves to others."""
AS_IT_WAS = ("source", "recipe", "ref", "shared", "processes", "health", "drain_seconds", "database")
"""What a release that is like an earlier one takes from its record."""
TOLD = ("app", "kind", "who", "pinned", "like", *AS_IT_WAS)
"""What a record says of what was asked for."""
STEADY = 3.0
"""Seconds that a worker has to stay up before it counts as one that runs."""


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
        "commit": source.commit(query["git"]["url"], query["git"]["ref"]) if query["git"] else None,
        "builds": [[record["source"], record["recipe"]] for record in _built(app)],
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


def _built(app: str) -> list[Json]:
    """The records whose build is there, whole."""
    return [
        each for each in records.every(app) if each["built"] and os.path.isdir(f"{APPS}/{app}/builds/{each['build']}")
    ]


def apply(payload: Json) -> None:
    """Make a release as its spec says. One that is `like` an earlier one has its build and its units."""
    app = payload["app"]
    if payload["like"]:
        payload = {**payload, **_as_it_was(app, payload["like"])}
    if payload["source"] is None:
        git = payload["git"]
        reasons = "no branch, tag or full commit is called so, or the box can't reach it"
        raise Failed(f"{app}: {git['ref']} is not found at {git['url']}: {reasons}")
    _wait(app)
    name = _begin(payload)
    program = "/usr/bin/python3 -I /usr/local/lib/boxkeeper releases"
    sh(["systemctl", "reset-failed", _unit(app)], ok=(0, 1))
    # killed, it still tidies up: the box does that, however the connection or the release ends
    after = f"--property=ExecStopPost={program} settle {app}"
    sh(["systemd-run", "--quiet", f"--unit={_unit(app)}", after, *f"{program} run {app} {name}".split()])
    _wait(app)
    record = records.read(app, name) or {}
    if record.get("result") != "live":
        raise Failed(f"{app}: {record.get('reason') or 'the release was cut off; run again'}")


def _as_it_was(app: str, release: str) -> Json:
    """What a release was made of, less its environment: secrets may have been rotated since."""
    record, folder = records.read(app, release), records.path(app, release)
    if record is None or not (os.path.isdir(f"{folder}/units") and os.path.isdir(f"{folder}/build")):
        raise Failed(f"{app} has no release {release} any more; `boxkeeper releases ENV {app}` shows which it has")
    return {**{word: record[word] for word in AS_IT_WAS}, "own": [f"{folder}/units/{name}" for name in record["own"]]}


def _wait(app: str) -> None:
    while sh(["systemctl", "is-active", _unit(app)], ok=(0, 3, 4)).strip() in ("active", "activating", "deactivating"):
        time.sleep(0.2)


def _unit(app: str) -> str:
    return f"boxkeeper-release-{app}.service"


def _begin(spec: Json) -> str:
    """Write down what is to be done, and by whom. Returns the name of the release."""
    app, started = spec["app"], time.time()
    os.makedirs(STATE, mode=0o755, exist_ok=True)
    with open(os.open(f"{STATE}/{app}.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(spec, file)
    while True:
        name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{spec['source'][:8]}"
        try:
            os.mkdir(records.path(app, name), mode=0o755)
            break
        except FileExistsError:  # of this very second
            time.sleep(0.2)
    moment = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)), "started": started}
    fresh = {"name": name, "build": name, "built": False, "step": "begins", "result": None, "how": "", "schema": None}
    records.write(app, {**fresh, **moment, **{word: spec[word] for word in TOLD}})
    return name


def run(app: str, name: str) -> None:
    """Make the release `name` live. Ends with its result in its record, and in the exit code."""
    with open(f"{STATE}/{app}.json") as file:
        spec = json.load(file)
    os.unlink(f"{STATE}/{app}.json")
    record = records.read(app, name)
    try:
        slots.tidy(app)
        _prune(app, record)
        sh(["systemctl", "daemon-reload"])  # a run cut off after writing unit files has not done it
        _prepare(spec, record)
        _go_live(record)
    except (Failed, OSError, tarfile.TarError) as failed:
        _end(app, record, "failed", str(failed))
        raise Failed(str(failed)) from None
    _end(app, record, "live")


def settle(app: str) -> None:
    """Finish or undo what a release left that was killed: what is live goes on, whatever else was begun is gone."""
    slots.tidy(app)
    now = slots.live(app)
    for record in records.every(app):
        if record["result"] is None:
            done = now is not None and now.release == record["name"]
            _end(app, record, "live" if done else "cut off", "" if done else "it was cut off; run again")


def _end(app: str, record: Json, result: str, reason: str = "") -> None:
    """Write down how a release ended, and make room: first, because a full disk takes no record."""
    record.update(result=result, reason=reason, seconds=time.time() - record["started"])
    if os.path.lexists(f"{APPS}/{app}/next"):
        os.unlink(f"{APPS}/{app}/next")
    _prune(app, record)
    records.write(app, record)


def _step(app: str, record: Json, step: str) -> None:
    record["step"] = step
    records.write(app, record)
    print(f"{record['name']}: {step}", flush=True)


def _prepare(spec: Json, record: Json) -> None:
    """Everything before the new version runs: its environment and units, its build, what is run before traffic."""
    app, name = spec["app"], record["name"]
    folder, now = records.path(app, name), slots.live(app)
    live = now.record if now else {}
    built = _build_of(app, spec["source"], spec["recipe"])
    record["build"] = built or name
    point(f"{folder}/build", f"../../builds/{record['build']}")
    if live and live["build"] != record["build"]:
        point(f"{folder}/before", f"../../builds/{live['build']}")  # whose hashed files an open page may still ask for
    point(f"{APPS}/{app}/next", f"releases/{name}")
    _copy(spec, record)
    if not built:
        _build(spec, record)
    record["built"] = True
    if spec["kind"] == "release" and live.get("build") != record["build"]:
        for unit in spec["before"]:
            _step(app, record, unit.removesuffix(".service"))
            _unit_once(unit)
    record["schema"] = schema.digest(spec["database"])


def _copy(spec: Json, record: Json) -> None:
    """The release's own environment and units, and what they are known by."""
    folder = records.path(spec["app"], record["name"])
    own = os.open(f"{folder}/environment", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(spec["environment"], "rb") as wanted, open(own, "wb") as file:
        file.write(wanted.read())
    os.makedirs(f"{folder}/units", mode=0o755, exist_ok=True)
    for path in spec["own"]:
        shutil.copyfile(path, f"{folder}/units/{os.path.basename(path)}")
    record["own"] = sorted(os.path.basename(path) for path in spec["own"])
    record["environment"] = digest([spec["environment"]])
    record["units"] = digest([*spec["own"], *spec["shared"]])
    record["installed"] = digest([f"{folder}/units/{name}" for name in record["own"]])


def _build(spec: Json, record: Json) -> None:
    app, folder = spec["app"], f"{APPS}/{spec['app']}/builds/{record['name']}"
    _step(app, record, "source")
    os.makedirs(folder, mode=0o755)
    source.unpack(spec, folder)
    sh(["chown", "-R", f"{app}:{app}", folder])
    _step(app, record, "build")
    _unit_once(spec["build"])


def _unit_once(unit: str) -> None:
    """Run a oneshot unit to its end; its own last lines are the error. Failed, it is no fault of the box."""
    started = time.time()
    try:
        sh(["systemctl", "start", unit], timeout=units.JOB)
    except Failed:
        sh(["systemctl", "reset-failed", unit], ok=(0, 1))
        raise Failed(f"{unit} failed; its last lines:\n{last_lines(unit, started)}") from None


def _go_live(record: Json) -> None:
    """Start the new version, and send everybody to it once it is healthy."""
    app = record["app"]
    now = slots.live(app)
    if now is not None and not _has_room(now, record):
        _in_place(now, record)
    else:
        _beside(now, record)


def _has_room(now: Slot, record: Json) -> bool:
    """Whether a second copy fits into memory: as much as is declared, or as much as the one that runs takes."""
    declared = sum(process["memory_mb"] for process in record["processes"])
    shown = units.show(now.services(), "MemoryCurrent").values()
    used = sum(int(each["MemoryCurrent"]) >> 20 for each in shown if each.get("MemoryCurrent", "").isdigit())
    return machine.available_mb() > max(int(declared), used) + RESERVE_MB


def _beside(now: Slot | None, record: Json) -> None:
    app, slot = record["app"], slots.free(record["app"])
    _step(app, record, "start")
    slots.fill(slot, record["name"])
    try:
        slots.start([*slot.sockets, *slot.services("web")])
        _answers(slot, record)
        slots.start(slot.services("worker"))
        if now is not None:
            slots.stop(now.services("alone"))
        slots.start(slot.services("alone"))
        _stays_up(slot, record)
    except Failed as failed:
        slots.empty(slot)
        if now is None:
            raise Failed(f"{record['name']} did not get healthy; nothing is live\n{failed}") from None
        slots.start(now.services("alone"))
        raise Failed(f"{record['name']} did not get healthy; the one before it goes on\n{failed}") from None
    slots.prove(slot)
    _step(app, record, "live")
    slots.switch(slot)


def _in_place(slot: Slot, record: Json) -> None:
    """Where memory is short: the new version takes the place of the one that runs. Requests wait at its socket."""
    before = slot.release
    record["how"] = "in place"
    _step(
        record["app"], record, "restart in place: no memory for two copies; requests wait, open WebSockets are closed"
    )
    slots.fill(slot, record["name"])
    try:
        slots.restart(slot)
        _answers(slot, record)
        _stays_up(slot, record)
    except Failed as failed:
        assert before is not None
        slots.fill(slot, before)
        slots.restart(slot)
        raise Failed(f"{record['name']} did not get healthy; the one before it is back\n{failed}") from None
    slots.prove(slot)


def _answers(slot: Slot, record: Json) -> None:
    """Wait until the version in a slot is healthy. Raises Failed with its own words when it does not get so."""
    door = health.door(slot)
    if door and (reason := health.wait(door)):
        raise Failed(health.explained(reason, door, record["started"]))


def _stays_up(slot: Slot, record: Json) -> None:
    """See that processes which nobody asks do not end right after they start."""
    others = slot.services("worker", "alone")
    if others:
        time.sleep(STEADY)
    for unit, shown in units.show(others, "NRestarts,ActiveState").items():
        if shown.get("NRestarts", "0") != "0" or shown.get("ActiveState") != "active":
            raise Failed(f"{unit} ends right after it starts; its last lines:\n{last_lines(unit, record['started'])}")


def _build_of(app: str, source_: str, recipe: str) -> str | None:
    """The newest build of this source that was made in this way."""
    alike = [each["build"] for each in _built(app) if (each["source"], each["recipe"]) == (source_, recipe)]
    return alike[-1] if alike else None


def _prune(app: str, making: Json) -> None:
    """Remove releases beyond the newest ones, and builds that no release has. Records stay for longer."""
    known = records.every(app)
    slotted = {slot.release for slot in slots.every(app)}
    good = [each["name"] for each in known if each["result"] == "live"][-KEEP:]
    open_ = making["name"] if making["result"] is None else ""
    kept = {*good, *slotted, open_}
    for each in known:
        if each["name"] not in kept:
            _forget(app, each["name"])
    for name in records.names(app)[:-REMEMBERED]:
        if name not in kept:
            shutil.rmtree(records.path(app, name))
    links = (target(f"{records.path(app, name)}/{link}") for name in kept for link in ("build", "before"))
    used = {os.path.basename(link) for link in links if link}
    for name in os.listdir(f"{APPS}/{app}/builds"):
        if name not in used:
            shutil.rmtree(f"{APPS}/{app}/builds/{name}")


def _forget(app: str, release: str) -> None:
    """Leave nothing of a release but its record."""
    folder = records.path(app, release)
    for name in os.listdir(folder):
        if name == "units":
            shutil.rmtree(f"{folder}/{name}")
        elif name != "release.json":
            os.unlink(f"{folder}/{name}")
