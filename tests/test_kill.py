"""A run killed at any moment is healed by the next one."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

import pytest

from commands.demo import ONE, placeholders
from target import own
from target.box import Target
from target.run import changes, environment, forget_source, pyinfra, start, unit

pytestmark = pytest.mark.target

SEEDS = range(int(os.environ.get("BOXKEEPER_KILL_SEEDS", "5")))
APP = "ai-note-taker"
MARK = "# disturbed by a test"

CONFIGURATION = (
    "/etc/nginx/nginx.conf",
    "/etc/boxkeeper/apps/ai-note-taker.env",
    "/etc/boxkeeper/apps/ai-note-taker/ai-note-taker-web@.service",
    "/etc/systemd/journald.conf.d/90-boxkeeper.conf",
)
"""Files of ours that the disturbance changes; each has a process that must run with the healed one."""


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """A box of its own with one app, that tests which last long do not wait for."""
    box = Target.start(own("killbox"))
    placeholders(ONE)
    done = pyinfra(box, "-y", inventory=ONE)
    assert done.code == 0, done.output
    yield box
    if not os.environ.get("BOXKEEPER_KEEP_TARGET"):
        box.remove()


def disturb(target: Target, release: bool) -> None:
    """Give the next run something of every kind to do: files, a package, a unit, and, if wanted, a release.

    A release restarts the app: only without one it is seen whether a unit's own restart got lost.
    """
    for path in CONFIGURATION:
        target.succeed(f"test -f {path} && echo '{MARK}' >>{path}")
    target.succeed("echo 'DISTURBED=\"yes\"' >>/etc/boxkeeper/apps/ai-note-taker.env")
    target.succeed("echo 'DISTURBED=\"yes\"' >>/srv/ai-note-taker/live/release/environment")
    target.succeed(f"systemctl daemon-reload; systemctl reload nginx; systemctl restart {unit(target, APP)}")
    target.succeed(
        "DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 purge -y fail2ban >/dev/null 2>&1"
    )
    if release:
        forget_source(target, APP)


def hashes(target: Target) -> dict[str, str]:
    said = target.succeed(f"sha256sum {' '.join(CONFIGURATION)}")
    return {line.split()[1]: line.split()[0] for line in said.splitlines()}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_run_is_healed_by_the_next(target: Target, seed: int) -> None:
    chance = random.Random(seed)
    wanted = hashes(target)
    disturb(target, release=seed % 2 == 1)
    disturbed = hashes(target)
    _start_and_kill(target, after=chance.uniform(0.6, 12), where=chance.choice(["control", "box"]))

    torn = {path for path, now in hashes(target).items() if now not in (wanted[path], disturbed[path])}
    assert not torn, f"neither the old nor the new file: {torn}"

    healing = pyinfra(target, "-y", inventory=ONE)
    assert healing.code == 0, healing.output
    assert hashes(target) == wanted
    assert target.succeed("dpkg --audit").strip() == ""
    assert _leftovers(target) == ""
    assert target.succeed("systemctl --failed --plain --no-legend").strip() == ""
    target.succeed("systemctl is-active fail2ban")
    pid = target.succeed(f"systemctl show -P MainPID {unit(target, APP)}").strip()
    assert "DISTURBED" not in target.succeed(f"tr '\\0' '\\n' </proc/{pid}/environ"), "a restart was lost"
    assert changes(target, ONE) == []


def _start_and_kill(target: Target, after: float, where: str) -> None:
    """Kill a run: the control process, or what it runs on the box together with its connection."""
    run = start(ONE, "deploys/full.py", environment=environment(target))
    try:
        time.sleep(after)
        if where == "box":
            target.execute("pkill -9 -f 'python3 -I -c import sys,hashlib'; pkill -9 -f '^sshd.*notty'")
    finally:
        run.kill()
        run.wait()


def _leftovers(target: Target) -> str:
    return target.succeed(
        "find /etc /srv /opt /usr/local /var/lib/boxkeeper -name '.boxkeeper-*' -o -name '*.new' | "
        "grep -v node_modules | grep -v site-packages || true"
    ).strip()
