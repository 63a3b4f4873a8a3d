"""The main job: from a bare box to a running app, and nothing to do the second time."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest

from commands.probe import probe
from target.box import Target
from target.link import Link
from target.run import changes, pyinfra

pytestmark = pytest.mark.target


def test_a_second_run_changes_nothing(target: Target) -> None:
    assert changes(target) == []


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


@pytest.mark.alone
def test_at_50_ms_it_costs_no_more_than_one_and_a_half_empty_runs(target: Target, tmp_path: Path) -> None:
    empty = tmp_path / "empty.py"
    empty.write_text("")
    with Link(("127.0.0.1", target.port(22)), delay=0.025) as port:
        target.pin(port)
        pairs = [(_seconds(target, port, "deploys/full.py"), _seconds(target, port, str(empty))) for _ in range(5)]
    ratio = statistics.median(full / nothing for full, nothing in pairs)
    assert ratio <= 1.5, pairs


def _seconds(target: Target, port: int, deploy: str) -> float:
    started = time.monotonic()
    run = pyinfra(target, "-y", port=port, deploy=deploy)
    assert run.code == 0, run.output
    return time.monotonic() - started


def test_after_a_reboot_everything_is_back_within_a_minute(target: Target) -> None:
    target.reboot()
    deadline = time.monotonic() + 60
    while not all(result.ok for result in probe("notes.localhost", "127.0.0.1", target.port(443))):
        assert time.monotonic() < deadline
        time.sleep(1)
    assert changes(target) == []
