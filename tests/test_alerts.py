"""Alerts on a box: an app that goes down is told of, in the journal, at a webhook and by status; and so is its end."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator

import pytest

from target.box import Target
from target.load import Load
from target.run import boxkeeper, environment, pyinfra, unit

pytestmark = pytest.mark.target
APP = "the-chatty-ai"
CONFIG = "/etc/boxkeeper/alerts.json"
HEARD = "/run/alerts-heard"
SERVER = f"""
import http.server
class Told(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        open("{HEARD}", "ab").write(body + b"\\n")
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", 8997), Told).serve_forever()
"""


@pytest.fixture
def told(target: Target) -> Iterator[Target]:
    """A box that tells a webhook of its own, as it would tell one away from it."""
    found = json.loads(target.succeed(f"cat {CONFIG}"))
    wanted = json.dumps({**found, "webhook": "http://127.0.0.1:8997/services/T0"})
    target.succeed(f"echo {shlex.quote(wanted)} >{CONFIG}")
    target.succeed(f"systemd-run -qu alerts-heard python3 -c {shlex.quote(SERVER)}; systemctl restart boxkeeper-alerts")
    try:
        yield target
    finally:
        # requests that failed are told of for five minutes: to the tests after this one, too
        known = "/run/boxkeeper-alerts/known.json"
        target.succeed(f"systemctl stop alerts-heard boxkeeper-alerts; rm -f {known} {HEARD}")
        done = pyinfra(target, "-y")  # with its own file again, and a program that has read that
        assert done.code == 0, done.output


def heard(target: Target, text: str) -> str:
    """What the webhook was told, once it was told that."""
    target.wait_until(f"grep -qF {shlex.quote(text)} {HEARD}", 120)
    lines = target.succeed(f"cat {HEARD}").splitlines()
    return "\n".join(json.loads(line)["text"] for line in lines)


def test_an_app_that_goes_down_is_told_of_and_so_is_its_end(told: Target) -> None:
    service = unit(told, APP)
    both = f"{service.replace('.service', '.socket')} {service}"
    told.succeed(f"systemctl stop {both}")
    try:
        with Load("chatty.localhost", told.port(443), sockets=0):
            time.sleep(2)
        heard(told, f"critical: {APP} has failed ")
        assert heard(told, f"critical: {APP} has been down for ").startswith("box:\n")
        done = boxkeeper("status", "five", APP, environment=environment(told))
        assert done.returncode == 1
        assert f"! critical: {APP} has been down for ".encode() in done.stdout
    finally:
        told.succeed(f"systemctl start {both}")
    assert heard(told, f"over: {APP} has been down for ").count(f"critical: {APP} has been down") == 1
    journal = told.succeed("journalctl -o cat -u boxkeeper-alerts --since -5min")
    assert f"over: {APP} has been down for " in journal


def test_it_takes_little_of_the_memory_of_its_box(target: Target) -> None:
    status = "/proc/$(systemctl show -P MainPID boxkeeper-alerts)/status"
    assert int(target.succeed(f"grep VmHWM {status}").split()[1]) < 40 << 10
