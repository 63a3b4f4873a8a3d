"""Changes that could lock everybody out: applied with a timer running that takes them back unless they are confirmed.

The timer is the box's own, so it fires however the control machine or the connection ends; what a reboot interrupts is
taken back at boot by boxkeeper-revert.service.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from typing import Any

from onbox import files, notes, sshd, sysctl, units
from onbox.shell import Failed, run

Json = Any
STATE = "/var/lib/boxkeeper/confirmed"


def observe(queries: list[Json]) -> list[Json]:
    ports = sshd.ports()
    found = files.observe([query["paths"] for query in queries])
    return [
        {
            "files": answer,
            "pending": os.path.exists(f"{STATE}/{query['name']}/pending.json"),
            "loaded": units.stamped(query["name"]),
            "current": units.digest(query["paths"], query["live"]),
            "ports": ports,
            "sysctl": {name: sysctl.shown(name) for name in query["sysctl"]},
            **_sshd(query["sshd"]),
        }
        for query, answer in zip(queries, found, strict=True)
    ]


def _sshd(query: Json) -> Json:
    if query is None:
        return {}
    mend = sorted(sshd.to_mend(query["port"]))
    return {"sshd": sshd.effective(query["users"]), "mend": mend, "stale": sshd.is_stale()}


def apply(payload: Json) -> None:
    """Make the change, with its way back armed. `confirm` keeps it."""
    name = payload["name"]
    revert(name)  # of a run that was cut off before it confirmed
    paths = payload["paths"]
    if payload["sshd"]:
        sshd.must_speak(paths, payload["speaks"])
        paths = [*paths, *sshd.mending(payload["sshd"]["port"])]
    _remember(payload, paths)
    try:
        _arm(name, payload["seconds"])
        files.apply({"paths": paths, "prove": payload["prove"]})
        if payload["sshd"]:
            sshd.must_be(payload["expect"], payload["sshd"]["users"])
    except BaseException:
        _put_back(name)
        _disarm(name)
        raise
    try:
        _load(payload["load"])
    except BaseException:
        with contextlib.suppress(Failed):  # the first fault says more
            revert(name)
        raise


def _remember(payload: Json, paths: list[Json]) -> None:
    folder = f"{STATE}/{payload['name']}"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)
    kept = []
    for number, entry in enumerate(paths):
        exists = os.path.isfile(entry["path"])
        if exists:
            _copy(entry["path"], f"{folder}/{number}")
        kept.append({"path": entry["path"], "copy": f"{folder}/{number}" if exists else None})
    pending = {"kept": kept, "sysctl": sysctl.values(payload["sysctl"])}
    pending |= {"load": payload["load"], "unload": payload["unload"]}
    notes.write(pending, f"{folder}/pending.json")


def _copy(path: str, to: str) -> None:
    """A copy with the same owner, group and mode."""
    shutil.copy2(path, to)
    status = os.stat(path)
    os.chown(to, status.st_uid, status.st_gid)


def _arm(name: str, seconds: int) -> None:
    _disarm(name)
    unit = f"--unit=boxkeeper-revert-{name}"
    timer = [f"--on-active={seconds}", "--timer-property=AccuracySec=1s", unit, "--collect", "--quiet"]
    run(["systemd-run", *timer, "/usr/bin/python3", "-I", "/usr/local/lib/boxkeeper", "confirmed", "revert", name])


def _disarm(name: str) -> None:
    run(["systemctl", "stop", f"boxkeeper-revert-{name}.timer"], ok=(0, 5))


def _load(commands: list[list[str]]) -> None:
    for command in commands:
        run(command, timeout=60)


def confirm(payload: Json) -> None:
    """A new login has come through: the change stays."""
    name = payload["name"]
    if not os.path.exists(f"{STATE}/{name}/pending.json"):
        raise Failed(f"{name}: the confirmation came too late; the change was taken back")
    os.unlink(f"{STATE}/{name}/pending.json")
    _disarm(name)
    units.stamp(name, units.digest(payload["watch"], payload["live"]))
    shutil.rmtree(f"{STATE}/{name}")


def revert(name: str) -> None:
    """Put back what was there before an unconfirmed change, and load it. Nothing pending: nothing happens."""
    spec = _put_back(name)
    if spec:
        _load(spec["load"] if any(entry["copy"] for entry in spec["kept"]) else spec["unload"])
        sysctl.write(spec["sysctl"])
        _disarm(name)


def at_boot() -> None:
    """Nobody has confirmed what was pending when the box went down. The services are not up yet: they load it."""
    for name in sorted(os.listdir(STATE)):
        _put_back(name)


def _put_back(name: str) -> Json:
    pending = f"{STATE}/{name}/pending.json"
    try:
        with open(pending) as file:
            spec = json.load(file)
    except FileNotFoundError:
        return None
    for entry in spec["kept"]:
        if entry["copy"]:
            temporary = os.path.join(os.path.dirname(entry["path"]), f"{files.PREFIX}back")
            _copy(entry["copy"], temporary)
            os.rename(temporary, entry["path"])
        elif os.path.isfile(entry["path"]):
            os.unlink(entry["path"])
    os.unlink(pending)
    return spec
