"""The screen of `boxkeeper status`: what is said of what was found."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from commands.status import screen, size
from onbox.troubles import span, troubles

NOW = 1_800_000_000.0
HOUR, DAY = 3600.0, 86400.0
WELL: dict[str, Any] = {
    "host": "203.0.113.10",
    "box": {
        "time": NOW,
        "up": 400_000.0,
        "load": 0.12,
        "cpus": 1,
        "memory_mb": [412, 961],
        "swap_mb": [0, 961],
        "disk_mb": [5_000, 25_000],
        "inodes_free": 0.9,
        "reboot": False,
        "failed": [],
    },
    "services": {"nginx.service": "active"},
    "alerts": [],
    "patches": {"last": None, "looked": None, "held": {}, "under_way": False},
    "backups": {
        "since": NOW - 30 * DAY,
        "made": {"start": NOW - 9 * HOUR, "good": NOW - 9 * HOUR, "failed": {}, "first": NOW - 30 * DAY},
        "drill": {"good": NOW - 3 * DAY, "fault": ""},
        "archiver": {"last": NOW - 30, "failed": None},
    },
    "apps": [
        {
            "name": "notes",
            "address": "https://notes.example.com/",
            "units": {
                "notes-web@1.service": {"state": "active", "seconds": 500.0, "memory_mb": [92, 512], "restarts": 0}
            },
            "release": {
                "name": "20260101T000000Z-12345678",
                "ref": "main",
                "time": "2026-01-01T00:00:00Z",
                "pinned": False,
                "who": "me@here",
            },
            "under_way": None,
            "ending": [],
            "health": "",
            "certificate": {"days": 61, "self_signed": False},
        }
    ],
}


def but(*path: Any, value: Any) -> dict[str, Any]:
    """What is well, with one thing changed."""
    made = copy.deepcopy(WELL)
    place: Any = made
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return made


def test_a_box_that_is_well_is_one_calm_screen() -> None:
    assert list(screen(WELL)) == [
        "203.0.113.10: up 5 days, load 0.12 on 1 CPUs",
        "  memory 412 MB of 961 MB, disk 4.9 GB of 24.4 GB, swap 0 MB of 961 MB",
        "  backups 9 h old, tried 3 days ago",
        "",
        "  notes  https://notes.example.com/",
        "    release      20260101T000000Z-12345678 (main), live since 2026-01-01T00:00:00Z",
        "    web          active for 8 min, 92 of 512 MB",
        "    health       ok",
        "    certificate  61 days left",
        "",
        "  All well.",
    ]


@pytest.mark.parametrize(
    ("certificate", "shown"),
    [
        ({"days": 0, "self_signed": False}, "0 days left"),
        ({"days": -1, "self_signed": False}, "expired"),
        ({"days": 3000, "self_signed": True}, "self-signed, 3000 days left"),
    ],
)
def test_a_certificate_is_shown_by_what_is_left_of_it(certificate: dict[str, Any], shown: str) -> None:
    assert f"    certificate  {shown}" in screen(but("apps", 0, "certificate", value=certificate))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (but("services", value={"nginx.service": "failed"}), "nginx.service is failed"),
        (but("box", "failed", value=["x.service"]), "x.service has failed: `systemctl status x.service`"),
        (but("box", "disk_mb", value=[24_000, 25_000]), "disk is 96% full"),
        (but("box", "memory_mb", value=[950, 961]), "memory is 99% full"),
        (but("box", "inodes_free", value=0.02), "only 2% of the disk's inodes are free"),
        (but("box", "reboot", value=True), "an update wants a reboot"),
        (
            but("patches", "last", value={"fault": "no space left"}),
            "the last updates failed: no space left; again: `boxkeeper patch ENV`",
        ),
        (but("patches", "looked", value=4 * DAY), "no updates were asked for in 4 days: `boxkeeper patch ENV`"),
        (
            but("patches", "held", value={"libx": {"version": "2", "why": "notes: health: 500"}}),
            "libx is held below 2, with which this was so: notes: health: 500",
        ),
        (but("alerts", value=["warning: notes is slow"]), "warning: notes is slow"),
        (
            but("apps", 0, "units", "notes-web@1.service", "state", value="activating"),
            "notes-web@1.service is activating",
        ),
        (
            but("apps", 0, "health", value="503 no database"),
            "notes is not healthy: 503 no database; what it said: `boxkeeper logs ENV notes`",
        ),
        (but("apps", 0, "release", value=None), "notes is not on this box: `boxkeeper up ENV` brings it"),
        (but("apps", 0, "certificate", "days", value=6), "the certificate of notes ends in 6 days"),
        (but("apps", 0, "certificate", "days", value=-1), "the certificate of notes has expired"),
        (but("backups", "made", value=None), "there is no backup yet: `boxkeeper backup now ENV` makes one"),
        (
            but("backups", "made", "failed", value={"u1.example.com": "no route"}),
            "the last backup failed at u1.example.com: no route",
        ),
        (
            but("backups", "made", "good", value=NOW - 27 * HOUR),
            "the newest whole backup is 27 h old: `boxkeeper backup now ENV`",
        ),
        (
            but("backups", "made", "good", value=None),
            "the newest whole backup was never made: `boxkeeper backup now ENV`",
        ),
        (
            but("backups", "archiver", "failed", value=NOW),
            "changes of PostgreSQL do not get to the backups: `journalctl -u 'postgresql@*'`",
        ),
        (but("backups", "drill", "fault", value="no index"), "the last drill failed: no index"),
        (
            but("backups", "drill", "good", value=NOW - 9 * DAY),
            "no backup has been restored for a trial in 8 days: `boxkeeper backup drill ENV`",
        ),
    ],
)
def test_what_is_not_well_is_a_sentence(found: dict[str, Any], said: str) -> None:
    assert troubles(found) == [said]
    assert f"  ! {said}" in list(screen(found))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            but("apps", 0, "release", "pinned", value=True),
            "    release      20260101T000000Z-12345678 (main), live since 2026-01-01T00:00:00Z, pinned by me@here",
        ),
        (
            but("apps", 0, "release", "ref", value=None),
            "    release      20260101T000000Z-12345678, live since 2026-01-01T00:00:00Z",
        ),
        (
            but("apps", 0, "under_way", value={"name": "x", "who": "you@there", "time": "noon", "step": "build"}),
            "    under way    x by you@there since noon (build)",
        ),
        (
            but("apps", 0, "ending", value=[{"release": "y", "connections": 3, "seconds": 1800.0}]),
            "    ending       y, 3 connections for 30 min at most",
        ),
    ],
)
def test_what_is_pinned_under_way_or_at_its_end_is_a_line_and_no_trouble(found: dict[str, Any], said: str) -> None:
    assert said in list(screen(found))
    assert troubles(found) == []


def test_a_box_that_is_not_backed_up_says_nothing_of_it() -> None:
    assert troubles(but("backups", value=None)) == []
    assert "backups" not in "".join(screen(but("backups", value=None)))


def test_a_new_box_has_an_hour_until_its_first_backup_and_a_week_until_its_first_drill() -> None:
    new = {"since": NOW - 60, "made": None, "drill": None, "archiver": None}
    assert troubles(but("backups", value=new)) == []
    assert "  backups none yet" in list(screen(but("backups", value=new)))
    never = "no backup has been restored for a trial in 8 days: `boxkeeper backup drill ENV`"
    assert troubles(but("backups", "drill", value=None)) == [never]
    first = {"start": NOW - 9 * HOUR, "good": NOW - 9 * HOUR, "failed": {}, "first": NOW - 2 * DAY}
    assert troubles(but("backups", value={**WELL["backups"], "made": first, "drill": None})) == []


def test_an_app_that_was_never_released_is_shown_too() -> None:
    assert "    release      none is live" in list(screen(but("apps", 0, "release", value=None)))


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (2e5, "2 days")]
)
def test_a_span_is_said_in_its_largest_unit(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_a_size_is_said_in_its_unit() -> None:
    assert (size(1023), size(1536)) == ("1023 MB", "1.5 GB")
