"""Changes that could lock everybody out: applied with a timer running that takes them back unless they are confirmed.

The timer is the box's own, so it fires however the control machine or the connection ends; what a reboot interrupts is
taken back at boot by boxkeeper-revert.service.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

from onbox import files, units
from onbox.shell import Failed, run, said

Json = Any
STATE = "/var/lib/boxkeeper/confirmed"
SECONDS = 60
"""How long a change waits for its confirmation."""


def observe(queries: list[Json]) -> list[Json]:
    sshd = _sshd()
    found = files.observe([query["paths"] for query in queries])
    return [
        {
            "files": answer,
            "pending": os.path.exists(f"{STATE}/{query['name']}/pending.json"),
            "loaded": units.stamped(query["name"]),
            "current": units.digest(query["paths"], query["live"]),
            "sshd": sshd,
        }
        for query, answer in zip(queries, found, strict=True)
    ]


def _sshd() -> dict[str, list[str]]:
    """sshd's effective settings, and under `port` every port that a login may come in by."""
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # Ubuntu 24.04: without it sshd -T fails right after boot
    settings: dict[str, list[str]] = {}
    for line in said(["sshd", "-T"]).splitlines():
        name, _, value = line.partition(" ")
        settings.setdefault(name, []).append(value)
    settings["port"] = sorted({*settings.get("port", []), *_socket_ports()}, key=int)
    return settings


def _socket_ports() -> set[str]:
    """Where systemd listens for sshd (Ubuntu): there, sshd's own Port says nothing."""
    if not os.path.exists("/lib/systemd/system/ssh.socket"):
        return set()
    shown = said(["systemctl", "show", "ssh.socket", "--property=ActiveState,Listen"])
    if "ActiveState=active" not in shown:
        return set()
    words = shown.replace("Listen=", " ").split()
    return {word.rpartition(":")[2] for word in words if word.rpartition(":")[2].isdigit()}


def apply(payload: Json) -> None:
    """Make the change, with its way back armed. `confirm` keeps it."""
    name = payload["name"]
    revert(name)  # of a run that was cut off before it confirmed
    _remember(payload)
    try:
        files.apply({"paths": payload["paths"], "prove": payload["prove"]})
        _expect(payload)
        _arm(name)
        _load(payload["load"])
    except BaseException:
        revert(name)
        raise


def _expect(payload: Json) -> None:
    """See that sshd takes the new settings, and still speaks what the control machine speaks, before it gets them."""
    effective = _sshd()
    for setting, value in payload["expect"].items():
        if value not in effective.get(setting, []):
            first = "it may need `Include /etc/ssh/sshd_config.d/*.conf` as the first line of /etc/ssh/sshd_config"
            raise Failed(f"sshd keeps {setting} {' '.join(effective.get(setting, ['unset']))}; {first}")
    for setting, spoken in payload["speaks"].items():
        offered = ",".join(effective.get(setting, [])).split(",")
        if not set(offered) & set(spoken):
            raise Failed(f"the control machine speaks none of sshd's {setting}: {', '.join(offered)}")


def _remember(payload: Json) -> None:
    folder = f"{STATE}/{payload['name']}"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)
    kept = []
    for number, entry in enumerate(payload["paths"]):
        exists = os.path.isfile(entry["path"])
        if exists:
            _copy(entry["path"], f"{folder}/{number}")
        kept.append({"path": entry["path"], "copy": f"{folder}/{number}" if exists else None})
    pending = {"kept": kept, "load": payload["load"], "unload": payload["unload"]}
    with open(f"{folder}/pending.new", "w") as file:
        json.dump(pending, file)
    os.rename(f"{folder}/pending.new", f"{folder}/pending.json")


def _copy(path: str, to: str) -> None:
    """A copy with the same owner, group and mode."""
    shutil.copy2(path, to)
    status = os.stat(path)
    os.chown(to, status.st_uid, status.st_gid)


def _arm(name: str) -> None:
    unit = f"boxkeeper-revert-{name}"
    run(["systemctl", "stop", f"{unit}.timer"], ok=(0, 5))
    timer = [f"--on-active={SECONDS}", "--timer-property=AccuracySec=1s", f"--unit={unit}", "--collect", "--quiet"]
    run(["systemd-run", *timer, "/usr/bin/python3", "-I", "/usr/local/lib/boxkeeper", "confirmed", "revert", name])


def _load(commands: list[list[str]]) -> None:
    for command in commands:
        run(command, timeout=60)


def confirm(payload: Json) -> None:
    """A new login has come through: the change stays."""
    name = payload["name"]
    if not os.path.exists(f"{STATE}/{name}/pending.json"):
        raise Failed(f"{name}: the confirmation came after {SECONDS} s; the change was taken back")
    os.unlink(f"{STATE}/{name}/pending.json")
    run(["systemctl", "stop", f"boxkeeper-revert-{name}.timer"], ok=(0, 5))
    units.stamp(name, units.digest(payload["watch"], payload["live"]))
    shutil.rmtree(f"{STATE}/{name}")


def revert(name: str) -> None:
    """Put back what was there before an unconfirmed change, and load it. Nothing pending: nothing happens."""
    spec = _put_back(name)
    if spec:
        _load(spec["load"] if any(entry["copy"] for entry in spec["kept"]) else spec["unload"])
        run(["systemctl", "stop", f"boxkeeper-revert-{name}.timer"], ok=(0, 5))


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
