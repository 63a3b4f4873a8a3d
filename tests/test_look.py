"""A look into a running box: status, logs, a shell and psql, as a user types them."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from roles import ROOT
from target import run
from target.box import Target
from target.run import environment, unit

pytestmark = pytest.mark.target
APP = "ai-note-taker"


def boxkeeper(target: Target, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return run.boxkeeper(*arguments, environment=environment(target), stdin=stdin)


def test_the_status_of_a_box_that_is_well(calm: Target) -> None:
    done = boxkeeper(calm, "status", "five", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    [found] = json.loads(done.stdout)
    [app] = [app for app in found["apps"] if app["name"] == APP]
    assert app["health"] == ""
    assert app["certificate"]["self_signed"]
    assert app["units"][unit(calm, APP)]["state"] == "active"
    assert set(found["services"].values()) == {"active"}
    assert b"All well." in boxkeeper(calm, "status", "five", APP).stdout


def test_the_status_of_an_app_that_is_down(target: Target) -> None:
    service = unit(target, APP)
    both = f"{service.replace('.service', '.socket')} {service}"
    target.succeed(f"systemctl stop {both}")
    try:
        done = boxkeeper(target, "status", "five", APP)
        assert done.returncode == 1
        assert f"! {service} is inactive".encode() in done.stdout
        assert f"! {APP} is not healthy".encode() in done.stdout
    finally:
        target.succeed(f"systemctl start {both}")


def test_the_logs_are_the_apps_own(target: Target) -> None:
    target.succeed(f"systemctl start {APP}-cleanup.service")
    done = boxkeeper(target, "logs", "five", APP, "--lines", "50")
    assert done.returncode == 0
    assert b"Finished ai-note-taker-cleanup.service" in done.stdout
    assert b"sshd" not in done.stdout


def test_logs_follow_what_comes(target: Target) -> None:
    line = [str(Path(sys.executable).with_name("boxkeeper")), "logs", "five", APP, "--follow", "--lines", "1"]
    with subprocess.Popen(line, cwd=ROOT, env={**os.environ, **environment(target)}, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        target.succeed(f"systemctl start {APP}-cleanup.service")
        heard, deadline = b"", time.monotonic() + 20
        while b"Finished" not in heard and time.monotonic() < deadline:
            if select.select([process.stdout], [], [], 1)[0]:
                heard += os.read(process.stdout.fileno(), 65536)
        process.terminate()
    assert b"Finished" in heard


def test_a_shell_of_an_app_is_the_apps_user_with_its_environment(target: Target) -> None:
    done = boxkeeper(target, "shell", "five", APP, stdin=b'whoami; pwd; command -v python; echo "${DATABASE_URL%%:*}"')
    user, folder, python, scheme = done.stdout.decode().split()
    assert user == APP
    assert folder.startswith(f"/srv/{APP}/builds/")
    assert python == f"/srv/{APP}/current/.venv/bin/python"
    assert scheme == "postgresql"


def test_a_shell_of_the_box_is_roots_and_its_exit_code_is_ours(target: Target) -> None:
    done = boxkeeper(target, "shell", "five", stdin=b"whoami; exit 7")
    assert (done.returncode, done.stdout.strip()) == (7, b"root")


def test_psql_takes_a_file_of_any_size_and_is_the_owner(target: Target) -> None:
    question = b"SELECT current_user, length('" + b"x" * 3_000_000 + b"')"
    for options in (["-At"], ["--", "-At"]):
        done = boxkeeper(target, "psql", "five", APP, *options, stdin=question)
        assert done.stdout.strip() == b"ai_note_taker|3000000", done.stderr


def test_psql_is_a_dialogue_on_a_terminal(target: Target) -> None:
    ours, theirs = pty.openpty()
    line = ["setsid", "--ctty", "--wait", str(Path(sys.executable).with_name("boxkeeper")), "psql", "five", APP]
    process = subprocess.Popen(
        line, cwd=ROOT, env={**os.environ, **environment(target)}, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    try:
        assert b"=>" in heard(ours, b"=>")
        os.write(ours, b"SELECT 40 + 2 AS sum;\r")
        assert b"42" in heard(ours, b"(1 row)")
        os.write(ours, b"\\q\r")
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def heard(terminal: int, until: bytes) -> bytes:
    """What a terminal shows until it shows this, for 20 s at most."""
    shown, deadline = b"", time.monotonic() + 20
    while until not in shown and time.monotonic() < deadline:
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 65536)
    return shown


def test_a_mistake_is_one_line(target: Target) -> None:
    for arguments, said in {
        ("status", "nowhere"): b"inventories/nowhere.py is not there",
        ("logs", "five", "nobody"): b"five has no app called nobody; there is ",
        ("psql", "five", "nobody"): b"five has no app called nobody; there is ",
    }.items():
        done = boxkeeper(target, *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith(b"--> " + said), done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_check_of_a_box_that_is_well_finds_nothing_in_the_way(target: Target) -> None:
    done = boxkeeper(target, "check", "five")
    assert done.returncode == 0, done.stdout
    assert b"BAD" not in done.stdout
    assert b"ok   port 443     nginx" in done.stdout
    told = json.loads(boxkeeper(target, "check", "five", "--json").stdout)
    assert {"what": "port 443", "said": "nginx", "bad": False, "hint": ""} in told["127.0.0.1"]


def test_a_check_names_who_holds_a_port_that_a_run_needs(target: Target) -> None:
    target.succeed("systemctl stop nginx && systemd-run --quiet --unit=taker python3 -m http.server 80")
    try:
        target.wait_until("ss -Hltn sport = :80 | grep -q LISTEN")
        done = boxkeeper(target, "check", "five")
        assert done.returncode == 1
        assert b"BAD  port 80      python3" in done.stdout
    finally:
        target.succeed("systemctl stop taker; systemctl start nginx")
