"""What of an app and of the box is past a limit, and whom that is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from onbox import alerts, health, machine, measures, notices, slots, status, units
from onbox.alerts import Lookout, past
from onbox.measures import LOOKS
from roles.alerts import _limits
from roles.apps.parts import Limits

NONE = _limits(Limits())
NOTES = {
    "name": "notes",
    "sites": ["notes.example.com"],
    "database": "notes",
    "redis": None,
    "warning": _limits(Limits(errors=0.01, memory="300M")),
    "critical": _limits(Limits(down=30, errors=0.05)),
}


def test_what_is_within_its_limits_is_nothing_to_say() -> None:
    assert past(NOTES, {"errors": 0.01, "down": 30, "memory": 300, "cpu": 9}) == {}


def test_a_limit_is_told_with_what_is_measured_and_the_worse_of_two_alone() -> None:
    assert past(NOTES, {"errors": 0.02, "memory": 312}) == {
        "errors notes": ["warning", "notes has failed 2.0% of its requests in five minutes, more than 1.0%"],
        "memory notes": ["warning", "notes takes 312 MB of memory, more than 300 MB"],
    }
    assert past(NOTES, {"errors": 0.5})["errors notes"][0] == "critical"
    assert past(NOTES, {"down": 31}, "502 no database") == {
        "down notes": ["critical", "notes has been down for 31 s: 502 no database"]
    }


@pytest.mark.parametrize("kind", [*vars(Limits()), "busy", "full"])
def test_every_kind_of_limit_has_a_sentence(kind: str) -> None:
    app = {**NOTES, "warning": {kind: 1}, "critical": {}}
    [(level, text)] = past(app, {kind: 2.5}).values()
    assert (level, text.startswith("notes ")) == ("warning", True)


class Box:
    """A box as far as alerts ask it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sick = ""
        self.shown = {"MemoryCurrent": str(200 << 20), "CPUUsageNSec": "0", "NRestarts": "0"}
        self.services: dict[str, str] = {}
        self.posted: list[str] = []
        self.reached = True

    def look(self, lookout: Lookout, times: int = 1) -> list[str]:
        """What is posted in some looks."""
        self.posted.clear()
        for _ in range(times):
            lookout.look()
            self.now += alerts.LOOK
        return self.posted.copy()


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Box:
    made = Box()
    slot = type("Slot", (), {"services": lambda self: ["notes-web@1.service"]})()
    well = {"box": {"time": 0, "failed": [], "memory_mb": [1, 9], "disk_mb": [1, 9], "inodes_free": 1, "reboot": False}}
    monkeypatch.setattr(notices, "KNOWN", str(tmp_path / "known.json"))
    monkeypatch.setattr(time, "monotonic", lambda: made.now)
    monkeypatch.setattr(time, "time", lambda: made.now)
    monkeypatch.setattr(health, "observe", lambda queries: [made.sick])
    monkeypatch.setattr(slots, "live", lambda app: slot)
    monkeypatch.setattr(units, "show", lambda names, properties: dict.fromkeys(names, made.shown))
    monkeypatch.setattr(machine, "busy_seconds", lambda: 0.0)
    monkeypatch.setattr(machine, "memory_mb", lambda: 1000)
    monkeypatch.setattr(machine, "available_mb", lambda: 900)
    monkeypatch.setattr(
        status,
        "observe",
        lambda queries: [{**well, "services": made.services, "backups": None, "patches": None, "apps": []}],
    )
    return made


@pytest.fixture
def webhook(box: Box) -> Iterator[str]:
    """Somebody who is told, as a webhook of Slack is."""

    class Told(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"]))
            if box.reached:  # before the answer, after which who told it looks
                box.posted.append(json.loads(text)["text"])
            self.send_response(200 if box.reached else 500)
            self.end_headers()

        def do_GET(self) -> None:
            box.posted.append("called")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Told)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/services/T0"
    server.shutdown()
    server.server_close()


def described(webhook: str | None, **limits: Any) -> dict[str, Any]:
    app = {**NOTES, "warning": _limits(Limits(**limits)), "critical": _limits(Limits(down=30))}
    full = {"name": "the box", "warning": {"busy": 0.8, "full": 0.8}, "critical": {}}
    return {"host": "prod", "webhook": webhook, "ping": None, "status": {}, "box": full, "apps": [app]}


def test_an_app_that_is_down_for_more_than_its_limit_is_told_once_and_its_end_once(box: Box, webhook: str) -> None:
    lookout = Lookout(described(webhook))
    assert box.look(lookout, 4) == []
    box.sick = "502 no database"
    assert box.look(lookout, 3) == []
    assert box.look(lookout, 5) == ["prod:\ncritical: notes has been down for 45 s: 502 no database"]
    box.sick = ""
    assert box.look(lookout, 4) == ["prod:\nover: notes has been down for 105 s: 502 no database"]


def test_a_release_that_is_not_healthy_for_a_moment_is_nobodys_business(box: Box, webhook: str) -> None:
    lookout = Lookout(described(webhook))
    for _ in range(5):
        box.sick = "refused"
        assert box.look(lookout, 2) == []
        box.sick = ""
        assert box.look(lookout, 1) == []


def test_what_could_not_be_sent_is_sent_later_and_the_address_is_in_no_line(
    box: Box, webhook: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lookout = Lookout(described(webhook, memory="100M"))
    box.reached = False
    assert box.look(lookout, 4) == []
    assert "warning: notes takes 200 MB of memory, more than 100 MB\nthe webhook: " in capsys.readouterr().out
    lookout = Lookout(described(webhook, memory="100M"))  # started anew meanwhile
    box.reached = True
    assert box.look(lookout, 3) == ["prod:\nwarning: notes takes 200 MB of memory, more than 100 MB"]
    assert "services/T0" not in capsys.readouterr().out


def test_without_a_webhook_it_is_in_the_journal(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    box.look(Lookout(described(None, memory="100M")), 2)
    assert capsys.readouterr().out == "warning: notes takes 200 MB of memory, more than 100 MB\n"


def test_a_process_that_ends_by_itself_counts_for_a_day(box: Box, webhook: str) -> None:
    lookout = Lookout(described(webhook, restarts=0))
    box.shown["NRestarts"] = "7"
    assert box.look(lookout, 2) == [], "what was before it looked is not its own"
    box.shown["NRestarts"] = "8"
    [said] = box.look(lookout, 2)
    assert said == "prod:\nwarning: notes has ended by itself, and was started again, 1 times in a day"
    box.shown["NRestarts"] = "0"
    assert box.look(lookout, 2) == [], "a release begins at zero"
    box.now += measures.DAY
    assert "over: " in box.look(lookout, 2)[0]


def test_cpus_are_those_of_five_minutes(box: Box, webhook: str) -> None:
    lookout = Lookout(described(webhook, cpu=0.5))
    box.look(lookout, LOOKS + 1)
    box.shown["CPUUsageNSec"] = str(int(150e9))  # half of one for five minutes, and not more
    assert box.look(lookout, 2) == []
    box.shown["CPUUsageNSec"] = str(int(165e9))
    assert box.look(lookout, 2) == ["prod:\nwarning: notes takes 0.55 CPUs over five minutes, more than 0.5"]


def test_a_box_that_is_full_is_told(box: Box, webhook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "available_mb", lambda: 190)
    assert box.look(Lookout(described(webhook)), 2) == ["prod:\nwarning: the box has 81% of its memory taken"]


def test_what_status_would_say_is_told_when_it_is_there_for_a_minute(box: Box, webhook: str) -> None:
    lookout = Lookout(described(webhook))
    box.services = {"nginx.service": "activating"}
    assert box.look(lookout, 4) == []
    box.services = {"nginx.service": "active"}
    assert box.look(lookout, 4) == []
    box.services = {"nginx.service": "failed"}
    assert box.look(lookout, 5) == ["prod:\nwarning: nginx.service is failed"]


def test_who_misses_a_call_is_called_each_minute(box: Box, webhook: str) -> None:
    lookout = Lookout({**described(None), "ping": webhook})
    assert box.look(lookout, 8) == ["called", "called"]
