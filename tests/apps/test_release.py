"""Releases of an app from git: what becomes live, and what never does."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest

from target.box import Target
from target.run import Run, run, start

pytestmark = pytest.mark.target

HERE = Path(__file__).parent
REPOSITORY = "/srv/git/greeter"


def commit(target: Target, greeting: str, migrate: str = "print('migrated')") -> str:
    """A new commit on main. Returns its hash."""
    files = {"greeter.py": (HERE / "greeter.py").read_text(), "greeting": greeting, "migrate.py": migrate}
    for name, text in files.items():
        sent = base64.b64encode(text.encode()).decode()
        target.succeed(f"mkdir -p {REPOSITORY} && echo {sent} | base64 -d >{REPOSITORY}/{name}")
    git = f"git -C {REPOSITORY} -c user.name=t -c user.email=t@example.com"
    target.succeed(f"git init -q -b main {REPOSITORY}; {git} add -A && {git} commit --allow-empty -qm {greeting!r}")
    return target.succeed(f"{git} rev-parse HEAD").strip()


def release(target: Target, ref: str, *options: str, fatal: str = "") -> Run:
    variables = {"BOXKEEPER_TARGET": target.name, "GREETER_REF": ref, "GREETER_FATAL": fatal}
    return run(HERE / "inventory.py", "deploys/apps.py", *options, environment=variables)


def greeting(target: Target, path: str = "/") -> str:
    program = (
        "import socket,sys;s=socket.socket(socket.AF_UNIX);s.connect('/srv/greeter/live/web.sock');"
        f"s.sendall(b'GET {path} HTTP/1.0\\r\\n\\r\\n');"
        "sys.stdout.buffer.write(s.makefile('rb').read().split(b'\\r\\n\\r\\n',1)[1])"
    )
    return target.succeed(f'python3 -c "{program}"')


def test_a_branch_is_followed_and_a_commit_is_not(target: Target) -> None:
    first = commit(target, "one")
    assert release(target, "main", "-y").code == 0
    assert greeting(target) == "one"
    commit(target, "two")
    assert release(target, first, "-y").code == 0
    assert greeting(target) == "one"
    assert release(target, "main", "-y").code == 0
    assert greeting(target) == "two"
    assert release(target, "main", "--dry", "--json").changes == []


def test_odd_bytes_of_the_environment_arrive_exactly(target: Target) -> None:
    assert greeting(target, "/odd") == "a\"b\\c$d%e`f\ng\th é 'q' #x "


def test_a_release_that_does_not_migrate_never_becomes_live(target: Target) -> None:
    commit(target, "three", migrate="raise SystemExit('no such column')")
    failed = release(target, "main", "-y")
    assert failed.code != 0
    assert "no such column" in failed.output
    assert greeting(target) == "two"


def test_a_release_that_is_not_healthy_is_taken_back(target: Target) -> None:
    commit(target, "broken")
    failed = release(target, "main", "-y")
    assert failed.code != 0
    assert "500 broken" in failed.output
    assert greeting(target) == "two"
    commit(target, "four")
    assert release(target, "main", "-y").code == 0
    assert greeting(target) == "four"


def test_a_release_that_dies_at_once_is_taken_back_in_seconds(target: Target) -> None:
    commit(target, "fatal")
    started = time.monotonic()
    failed = release(target, "main", "-y")
    assert failed.code != 0
    assert "a setting that I can't live with" in failed.output
    assert time.monotonic() - started < 30
    assert greeting(target) == "four"
    commit(target, "four")


def test_settings_that_break_the_app_fail_the_run_and_are_mended_by_the_next(target: Target) -> None:
    failed = release(target, "main", "-y", fatal="yes")
    assert failed.code != 0
    assert "a setting that I can't live with" in failed.output
    assert release(target, "main", "-y").code == 0
    assert greeting(target) == "four"


def test_a_release_goes_on_when_its_connection_is_lost(target: Target) -> None:
    commit(target, "five", migrate="import time; time.sleep(4)")
    variables = {"BOXKEEPER_TARGET": target.name}
    cut_off = start(HERE / "inventory.py", "deploys/apps.py", environment=variables)
    target.wait_until("systemctl is-active boxkeeper-release-greeter.service", seconds=20)
    cut_off.kill()
    cut_off.wait()
    target.wait_until("! systemctl is-active boxkeeper-release-greeter.service", seconds=30)
    assert greeting(target) == "five"


def test_old_releases_are_removed(target: Target) -> None:
    assert int(target.succeed("ls /srv/greeter/builds | wc -l")) <= 5
