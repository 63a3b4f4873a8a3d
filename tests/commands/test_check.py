"""What `boxkeeper check` says of what it found."""

from __future__ import annotations

import re
import socket
from typing import Any

import pytest

from commands import check
from commands.check import names, of_box, of_size, ports
from onbox.preflight import addresses, listening
from roles.apps import Folder
from roles.apps.ai_note_taker import AiNoteTaker
from roles.firewall import Firewall
from roles.nginx import Nginx
from roles.postgres import Postgres
from roles.server import Server

FOUND: dict[str, Any] = {
    "distro": "debian 13",
    "machine": "x86_64",
    "ram_mb": 961,
    "disk_free_mb": 20_000,
    "writable": True,
    "inodes_free": 0.9,
    "locked": "",
}


def server(firewall: Firewall | None = None, **own: Any) -> Server:
    app = AiNoteTaker(domain="a.example.com", aliases=("www.a.example.com",), source=Folder(path="."), **own)
    return Server(host="192.0.2.1", nginx=Nginx(), postgres=Postgres(), firewall=firewall, apps=(app,))


def bad(findings: Any) -> list[str]:
    return [f"{finding.said}; {finding.hint}".removesuffix("; ") for finding in findings if finding.bad]


def test_a_good_box_has_nothing_bad() -> None:
    assert bad(of_box(FOUND, 0.3)) == []


@pytest.mark.parametrize(
    ("more", "off", "said"),
    [
        ({"distro": "debian 11"}, 0.0, "this box runs debian 11; supported: "),
        ({"inodes_free": 0.01}, 0.0, "20000 MB free, 1% of the inodes"),
        ({}, 3600.0, "3600 s ahead of ours; `timedatectl` on the box says why"),
        ({}, -61.0, "61 s behind ours; "),
    ],
)
def test_what_is_in_the_way_is_said(more: dict[str, Any], off: float, said: str) -> None:
    [found] = bad(of_box({**FOUND, **more}, off))
    assert found.startswith(said)


ROOM: dict[str, Any] = {"ram_mb": 961, "swap_mb": 961, "disk_mb": 24_000, "free_mb": 20_000, "container": False}


def test_a_box_with_room_is_good_and_says_how_much_is_taken() -> None:
    [found] = of_size(server(), {**ROOM, "ram_mb": 1961, "there": ["/"]})
    assert not found.bad
    assert re.fullmatch(
        r"what runs takes \d+ MB of its 1.9 GB of memory, and \d\.\d GB more of its 19.5 GB of free disk", found.said
    )


def test_a_box_that_is_too_small_is_bad_and_one_that_is_tight_is_not() -> None:
    [found] = of_size(server(), {**ROOM, "ram_mb": 240, "there": ["/"]})
    assert found.bad
    assert found.said.startswith("this box has 240 MB of memory and 961 MB of swap, and what runs takes ")
    tight, _ = of_size(server(), {**ROOM, "ram_mb": 500, "there": ["/"]})
    assert not tight.bad
    assert tight.said.startswith("tight: what runs takes ")


def test_a_port_that_somebody_else_holds_is_bad_and_our_own_is_not() -> None:
    assert bad(ports({"80": "nginx", "443": "nginx", "5432": "postgres"}, server())) == []
    assert bad(ports({"80": "apache2"}, server())) == [
        "apache2; `systemctl status $(pgrep -xo apache2)` says which unit; stop and disable it"
    ]


def test_each_name_must_lead_here_by_every_address() -> None:
    leads = {"192.0.2.1": ["192.0.2.1"], "a.example.com": ["192.0.2.1", "2001:db8::9"], "www.a.example.com": []}
    found = list(names(server(), ["10.0.0.2", "2001:db8::1"], leads.__getitem__))
    assert [(finding.said, finding.bad) for finding in found] == [
        ("a.example.com leads to 2001:db8::9, not here", True),
        ("www.a.example.com has no address yet", False),
    ]
    leads["a.example.com"] = ["192.0.2.1", "2001:db8::1"]
    assert bad(names(server(), ["10.0.0.2", "2001:db8::1"], leads.__getitem__)) == []


def test_a_name_that_leads_to_a_cdn_is_asked_about_once_it_is_said_to_be_behind_it() -> None:
    leads = {"192.0.2.1": ["192.0.2.1"], "a.example.com": ["104.16.0.1", "2606:4700::1"], "www.a.example.com": []}
    (found, _) = names(server(), [], leads.__getitem__)
    assert (found.said, found.bad) == ("a.example.com leads to 104.16.0.1, 2606:4700::1, not here", True)
    assert 'Give ai-note-taker `cdn="cloudflare"`' in found.hint
    (found, _) = names(server(cdn="cloudflare"), [], leads.__getitem__)
    assert (found.said, found.bad) == ("a.example.com leads to cloudflare", False)


def test_past_a_cdn_that_alone_is_let_in_nobody_gets_here() -> None:
    leads = {"192.0.2.1": ["192.0.2.1"], "a.example.com": ["192.0.2.1"], "www.a.example.com": []}
    assert bad(names(server(cdn="cloudflare"), [], leads.__getitem__)) == []
    shut = server(cdn="cloudflare", firewall=Firewall(web="cdn"))
    assert [finding.said for finding in names(shut, [], leads.__getitem__) if finding.bad] == [
        "a.example.com leads to 192.0.2.1, past its CDN"
    ]


@pytest.mark.parametrize(
    ("error", "said", "is_bad"),
    [
        (TimeoutError(), "nginx listens, and no answer gets here", True),
        (ConnectionRefusedError(111, "Connection refused"), "not by this address (Connection refused)", False),
    ],
)
def test_only_silence_is_a_firewall(error: OSError, said: str, is_bad: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "create_connection", connect)
    found = list(check._way(server(), {"80": "nginx", "443": "apache2"}))
    assert [(finding.said.startswith(said), finding.bad) for finding in found] == [(True, is_bad)]


def test_who_listens_is_read_from_ss() -> None:
    shown = (
        'LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=7,fd=5),("nginx",pid=6,fd=5))\n'
        'LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=3,fd=4))\n'
        "LISTEN 0 128 127.0.0.1:5432 0.0.0.0:*\n"
    )
    assert listening(shown) == {"80": "nginx", "22": "sshd", "5432": "unknown"}


def test_addresses_are_read_from_ip() -> None:
    shown = (
        "2: eth0    inet 192.0.2.1/24 brd 192.0.2.255 scope global eth0\\       valid_lft forever\n"
        "2: eth0    inet6 2001:db8::1/64 scope global \\       valid_lft forever\n"
    )
    assert addresses(shown) == ["192.0.2.1", "2001:db8::1"]
