"""The main job: from a bare box to a running app, and nothing to do the second time."""

from __future__ import annotations

import os
import re
import subprocess
import time

import pytest

from commands.bench import memory
from commands.demo import FIVE
from commands.inventory import described
from commands.probe import probe
from roles import ROOT, needs
from roles.budget import Size, bill
from roles.server import Server
from target.box import Target
from target.run import changes, environment, pyinfra, unit

pytestmark = pytest.mark.target


def test_a_second_run_changes_nothing(target: Target) -> None:
    assert changes(target) == []


def test_the_demo_of_all_five_finds_every_app_well_and_nothing_to_do(target: Target) -> None:
    variables = {**os.environ, **environment(target)}
    done = subprocess.run(
        "./boxkeeper demo --five", shell=True, cwd=ROOT, env=variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "BAD" not in done.stdout
    assert len(re.findall(r"ok +\S+\.localhost/\S*health: \d+ ms", done.stdout)) == 5, done.stdout
    assert "No change (" in done.stdout


def test_no_unit_of_the_box_has_failed(target: Target) -> None:
    assert target.succeed("systemctl --failed --plain --no-legend").strip() == ""


def test_a_run_that_changes_nothing_takes_one_connection_and_two_execs(target: Target) -> None:
    shown = target.succeed("journalctl --sync; journalctl --lines=0 --show-cursor")
    before = shown.splitlines()[-1].removeprefix("-- cursor: ")
    assert pyinfra(target, "-y").code == 0
    target.succeed("journalctl --sync")
    log = target.succeed(f"journalctl -t sshd -t sshd-session --after-cursor='{before}' --output=cat")
    assert log.count("Accepted publickey") == 1, log
    assert 1 <= log.count("Starting session: command") <= 2, log


def test_what_runs_takes_no_more_memory_than_its_budget(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOXKEEPER_TARGET", target.name)
    (server,) = described(FIVE)
    budget = {cost.what: cost.ram_mb for cost in bill(server, Size(1000, 20_000)).costs}
    target.succeed("systemctl restart nginx")  # its old workers stay until their last client has gone
    found = memory(target, "ai-note-taker-*.service", "boxkeeper-redis@ai-note-taker.service", "nginx.service")
    web = unit(target, "ai-note-taker").removesuffix(".service")
    whose = {web: "ai-note-taker", "boxkeeper-redis@ai-note-taker": "Redis of ai-note-taker"}
    taken = {whose.get(name := unit.removesuffix(".service"), name): mb for unit, mb in found.items()}
    assert taken.keys() == {"ai-note-taker", "Redis of ai-note-taker", "nginx"}
    assert all(0 < mb <= budget[what] for what, mb in taken.items()), (taken, budget)


def test_what_an_app_needs_starts_before_it_and_stays_until_it_has_ended(target: Target, server: Server) -> None:
    for app in server.apps:
        after = target.succeed(f"systemctl show -P After {unit(target, app.name)}").split()
        assert {giver.service(app) for giver in needs.of(app)} <= set(after), app.name


def test_after_a_reboot_everything_is_back_within_a_minute(target: Target) -> None:
    before = target.address
    target.reboot()
    deadline = time.monotonic() + 60
    while not all(result.ok for result in probe("notes.localhost", "127.0.0.1", target.port(443))):
        assert time.monotonic() < deadline
        time.sleep(1)
    if target.address != before:  # a container may get another one, which TURN listens on: a rented box keeps its own
        assert pyinfra(target, "-y").code == 0
    assert changes(target) == []
