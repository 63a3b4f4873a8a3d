"""Slots: where versions of an app run, each with sockets of its own, so that two can serve at once.

    /srv/APP/releases/NAME   a version: its build, its environment, its units (onbox/releases.py)
    /srv/APP/slots/N         where one runs: a link to its release, and the sockets of its processes
    /srv/APP/live            the slot that nginx sends to: one rename moves all that comes from then on

What is open stays where it is: a slot that was live is left alone until its last connection has ended, or its time is
up. Its units are copies of its release's, so nothing that is written meanwhile changes what runs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import Any, NamedTuple

from onbox import records, relief, units
from onbox.links import point, target
from onbox.relief import GLANCE
from onbox.shell import Failed, run

Json = Any
UNITS = "/etc/systemd/system"
SOCKETS = "/proc/net/unix"
OPEN = ("02", "03")
"""States of a socket that somebody waits at or is connected to (SS_CONNECTING, SS_CONNECTED of the kernel's net.h)."""


class Slot(NamedTuple):
    """A slot of an app, by its number."""

    app: str
    number: int

    @property
    def path(self) -> str:
        return f"{records.home(self.app)}/slots/{self.number}"

    @property
    def release(self) -> str | None:
        """The name of the release in it."""
        return os.path.basename(target(f"{self.path}/release") or "") or None

    @property
    def record(self) -> Json:
        """The record of its release; an empty one where it has none."""
        return (self.release and records.read(self.app, self.release)) or {}

    def socket(self, process: str) -> str:
        return f"{self.path}/{process}.sock"

    def unit(self, template: str) -> str:
        """Its instance of a template: `app-web@.service` is `app-web@1.service` in slot 1."""
        return template.replace("@.", f"@{self.number}.")

    @property
    def units(self) -> list[str]:
        """All its units, the sockets first. By their files, so that none is forgotten where a record is lost."""
        try:
            names = [self.unit(name) for name in os.listdir(f"{self.path}/release/units")]
        except OSError:
            return []
        return sorted(names, key=lambda name: (not name.endswith(".socket"), name))

    @property
    def sockets(self) -> list[str]:
        return [name for name in self.units if name.endswith(".socket")]

    def services(self, *kinds: str) -> list[str]:
        """The services of its processes of these kinds: `web`, `worker`, or `alone`; of all without one."""
        own = self.record.get("processes", ())
        return [self.unit(f"{each['unit']}@.service") for each in own if not kinds or each["kind"] in kinds]


def live(app: str) -> Slot | None:
    """The slot that nginx sends to."""
    return next((slot for slot in every(app) if target(f"{records.home(app)}/live") == f"slots/{slot.number}"), None)


def every(app: str) -> list[Slot]:
    try:
        numbers = [int(name) for name in os.listdir(f"{records.home(app)}/slots") if name.isdigit()]
    except OSError:
        return []
    return [Slot(app, number) for number in sorted(numbers)]


def services() -> dict[str, Slot]:
    """Of all apps: by its name each service of a process, and the slot that it is in."""
    found = [slot for app in sorted(os.listdir(records.APPS)) for slot in every(app)]
    return {service: slot for slot in found for service in slot.services()}


def free(app: str) -> Slot:
    """The first number that nothing uses."""
    taken = {slot.number for slot in every(app)}
    return Slot(app, next(number for number in range(1, len(taken) + 2) if number not in taken))


def fill(slot: Slot, release: str) -> None:
    """Put a release into a slot: its units are there then, and nothing of it runs."""
    before = set(slot.units)
    os.makedirs(slot.path, mode=0o755, exist_ok=True)
    point(f"{slot.path}/release", f"../../releases/{release}")
    _install(slot)
    gone = before - set(slot.units)
    stop(sorted(gone))
    _uninstall(gone)
    run(["systemctl", "daemon-reload"])


def _install(slot: Slot) -> None:
    folder = f"{slot.path}/release/units"
    for template in os.listdir(folder):
        path = f"{UNITS}/{slot.unit(template)}"
        shutil.copyfile(f"{folder}/{template}", f"{path}.new")
        os.rename(f"{path}.new", path)


def _uninstall(names: set[str]) -> None:
    relief.forget(names)
    for name in names:
        for path in (f"{UNITS}/{name}", f"{UNITS}/{name}.new"):  # the second of one that was cut off
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def start(names: list[str], verb: str = "start") -> None:
    """Start units, and see that they stay up. Raises Failed with their own last lines."""
    for name in names:
        units.do(verb, name)


def restart(slot: Slot) -> None:
    """Start what is in a slot anew; its sockets stay, and connections wait at them."""
    start(slot.sockets)
    start(slot.services(), "restart")


def stop(names: list[str]) -> None:
    """Stop units, each within its own deadline: a worker finishes its task."""
    if names:
        # 5: systemd knows none of that name, as where a kill came before its file was there
        run(["systemctl", "stop", "--", *names], timeout=units.JOB, ok=(0, 5))


def empty(slot: Slot) -> None:
    """Stop what runs in a slot and forget it."""
    names = set(slot.units)
    # sockets and services in one go: a connection would start its service again
    stop(sorted(names))
    _uninstall(names)
    if names:
        run(["systemctl", "daemon-reload"])
        run(["systemctl", "reset-failed", "--", *names], ok=(0, 1))  # 1: none of them has failed
    with contextlib.suppress(FileNotFoundError):  # whoever else tidies up at this moment was faster
        shutil.rmtree(slot.path)


def prove(slot: Slot) -> None:
    """Remember that the release in this slot got healthy here."""
    _write(f"{slot.path}/proven", slot.release or "")


def proven(slot: Slot) -> str | None:
    """The last release that got healthy in this slot: another one than its own where a change in place was cut off."""
    return _read(f"{slot.path}/proven")


def switch(slot: Slot) -> None:
    """Send everybody to this slot from now on, and let the one before it come to its end."""
    before = live(slot.app)
    if before is not None and before != slot:
        # said before it is so: one that is neither live nor marked is one that never got healthy, and is swept
        _write(f"{before.path}/draining", str(time.time() + before.record.get("drain_seconds", 0)))
    _send_to(slot)
    if before is not None and before != slot:
        let_end(before)


def _send_to(slot: Slot) -> None:
    point(f"{records.home(slot.app)}/live", f"slots/{slot.number}")


def relieve(slot: Slot, before: Slot) -> None:
    """Send everybody to this slot, in which nothing runs before what is in another has ended: requests wait.

    The other one ends by itself when the first request comes here, so that this needs nobody who goes on. When all is
    tidied up, at the end of each release, it does not have to end any more.
    """
    _write(f"{slot.path}/proven", before.release or "")
    relief.demand(slot.services("web"), before.services())
    run(["systemctl", "daemon-reload"])
    start(slot.sockets)
    _send_to(slot)


def let_end(slot: Slot) -> None:
    """Have a unit of its own wait until the last connection of a slot has ended."""
    command = ["/usr/bin/python3", "-I", "/usr/local/lib/boxkeeper", "slots", "drain", slot.app, str(slot.number)]
    unit = f"boxkeeper-drain-{slot.app}-{slot.number}.service"
    if run(["systemctl", "is-active", unit], ok=(0, 3, 4)).strip() not in ("active", "activating"):
        again = ["--property=Restart=on-failure", "--property=RestartSec=5"]
        run(["systemd-run", "--quiet", "--collect", f"--unit={unit}", *again, *command])


def drain(app: str, number: str) -> None:
    """Wait until nobody is connected to a slot, or its time is up; then empty it."""
    slot = Slot(app, int(number))
    if live(app) == slot or not os.path.isdir(slot.path):
        return
    if slot.services("worker"):
        run(["systemctl", "stop", "--no-block", "--", *slot.services("worker")])
    time.sleep(GLANCE)  # nginx may have looked up where to connect to, and not have connected yet
    while connections(slot) and time.time() < ends(slot):
        time.sleep(GLANCE)
    left = connections(slot)
    print(f"slot {number}: {f'its time is up, {left} connections are closed' if left else 'nobody is connected'}")
    empty(slot)


def ends(slot: Slot) -> float:
    """Until when a slot that was live may serve what is open, as time.time() counts; 0 for one that never was."""
    return float(_read(f"{slot.path}/draining") or 0)


def connections(slot: Slot) -> int:
    """How many are connected to a slot's sockets, from the kernel's own list: no app has to count."""
    paths = {slot.socket(process["socket"]) for process in slot.record.get("processes", ()) if process["kind"] == "web"}
    with open(SOCKETS) as file:
        rows = (line.split() for line in file)
        return sum(1 for row in rows if len(row) == 8 and row[5] in OPEN and row[7] in paths)


def tidy(app: str) -> None:
    """Bring slots to a state that is whole, after whatever was cut off: what is live runs, the rest ends or is gone."""
    now = live(app)
    for slot in every(app):
        if slot == now:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{slot.path}/draining")
        elif ends(slot):
            let_end(slot)
        else:
            empty(slot)
    if now is not None:
        _resume(now)


def boot() -> None:
    """After a reboot: no connection has outlived it, so what is live is started and every other slot is gone."""
    failures = []
    for app in sorted(os.listdir(records.APPS)):
        try:
            _boot(app)
        except (Failed, OSError) as failed:  # keeps no other app from its start
            failures.append(f"{app}: {failed}")
    if failures:
        raise Failed("\n".join(failures))


def _boot(app: str) -> None:
    now = live(app)
    for slot in every(app):
        if slot != now:
            empty(slot)
    if now is not None:
        _resume(now)


def _resume(slot: Slot) -> None:
    """See that what is live runs: the version that got healthy there, where a change in place was cut off.

    It is not waited for: at boot services wait for the database, which waits for whoever waits for this; and one that
    does not come up must not keep the release from being made that mends it.
    """
    if relief.forget(slot.units):
        run(["systemctl", "daemon-reload"])
    before = proven(slot)
    undone = before is not None and before != slot.release and os.path.isdir(records.path(slot.app, before))
    if before and undone:
        fill(slot, before)
    if slot.sockets:
        run(["systemctl", "start", "--", *slot.sockets])
    if slot.services():
        run(["systemctl", "restart" if undone else "start", "--no-block", "--", *slot.services()])


def _write(path: str, text: str) -> None:
    with open(f"{path}.new", "w") as file:
        file.write(text)
    os.rename(f"{path}.new", path)


def _read(path: str) -> str | None:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None
