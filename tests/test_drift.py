"""What has changed on a box behind our back is named, and nothing is changed by looking."""

from __future__ import annotations

import json

import pytest

from commands.demo import FIVE
from roles.resources import Json
from target.box import Target
from target.run import boxkeeper, changes, environment

pytestmark = pytest.mark.target

ODD = {
    "sudo: /etc/sudoers.d/odd": "echo 'odd ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/odd",
    "unit: /etc/systemd/system/odd.service": "echo '[Service]' > /etc/systemd/system/odd.service",
    "edited: /etc/deluser.conf": "echo '# odd' >> /etc/deluser.conf",
    "listens: tcp/8999 on every address (python3)": "systemd-run -qu odd-listens python3 -m http.server 8999",
}
MENDED = (
    "rm /etc/sudoers.d/odd /etc/systemd/system/odd.service; sed -i '$d' /etc/deluser.conf; systemctl stop odd-listens"
)


def drift(target: Target) -> tuple[int, Json]:
    done = boxkeeper("drift", str(FIVE), "--json", environment=environment(target))
    [found] = json.loads(done.stdout)
    return done.returncode, found


def report(target: Target) -> str:
    """What the daily look says."""
    mark = target.succeed("date +%s.%N").strip()
    target.succeed("systemctl start boxkeeper-drift.service")
    return target.succeed(f"journalctl -o cat --since @{mark} -t python3").strip()


def test_a_box_as_it_is_wanted_differs_in_nothing(calm: Target) -> None:
    code, found = drift(calm)
    assert found["differs"] == {}
    # the app of other tests is one that was taken out of the inventory
    kinds = {line.partition(":")[0] for line in found["strangers"] if "/greeter-" not in line}
    assert kinds <= {"login", "sudo"}, "the provider's own: its first login, and the target's sudo rule"
    assert code == (1 if found["strangers"] else 0)


def test_what_is_not_from_the_inventory_is_named_once_and_again_when_it_is_gone(calm: Target) -> None:
    report(calm)
    assert report(calm) == "", "what it said is not said again"
    try:
        for done in ODD.values():
            calm.succeed(done)
        calm.succeed("chmod 640 /usr/local/lib/boxkeeper/onbox/ufw.py")
        calm.wait_until("ss -Hltn | grep -q :8999", 20)
        code, found = drift(calm)
        assert code == 1
        assert set(ODD) <= set(found["strangers"])
        assert found["differs"] == {"program: programs": ["/usr/local/lib/boxkeeper/onbox/ufw.py: mode 0640"]}
        said = report(calm)
        assert all(f"new: {line}" in said for line in [*ODD, "changed: /usr/local/lib/boxkeeper/onbox/ufw.py"]), said
    finally:
        calm.succeed(f"{MENDED}; chmod 644 /usr/local/lib/boxkeeper/onbox/ufw.py")
    gone = report(calm)
    assert all(f"gone: {line}" in gone for line in ODD), gone
    assert changes(calm) == []
