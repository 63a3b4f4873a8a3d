"""What coturn works with, as far as no coturn is needed. The rest is in tests/turn."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from onbox import certificates, turn


def links(*addresses: dict[str, object]) -> str:
    return json.dumps([{"ifname": "lo", "addr_info": []}, {"ifname": "eth0", "addr_info": list(addresses)}])


def test_addresses_that_pass_or_lead_no_further_than_the_cable_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = links(
        {"local": "203.0.113.10", "prefixlen": 24, "scope": "global"},
        {"local": "2001:db8::10", "prefixlen": 64, "scope": "global"},
        {"local": "2001:db8::dead", "prefixlen": 64, "scope": "global", "temporary": True},
        {"local": "fe80::1", "prefixlen": 64, "scope": "link"},
        {"local": "127.0.0.1", "prefixlen": 8, "scope": "host"},
    )
    monkeypatch.setattr(turn, "said", lambda argv: found)
    assert turn.addresses() == ["2001:db8::10/64", "203.0.113.10/24"]


def test_a_box_without_the_command_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "said", lambda argv: "")
    assert turn.addresses() == []


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A box with a certificate for `cam`, and nothing of coturn's."""
    monkeypatch.setattr(certificates, "HOME", str(tmp_path / "tls"))
    monkeypatch.setattr(certificates, "OWN", str(tmp_path / "tls" / ".self-signed"))
    for name, path in {"SITE": "turn/tls", "COPY": "turn/certificate.pem", "LOCK": "lock"}.items():
        monkeypatch.setattr(turn, name, str(tmp_path / path))
    certificates.apply([{"name": "cam", "names": ["cam.example.com"]}])
    (tmp_path / "turn").mkdir()
    return tmp_path


def test_a_renewal_on_a_box_without_coturn_does_nothing(home: Path) -> None:
    turn.refresh()
    assert list((home / "turn").iterdir()) == []


def test_key_and_chain_are_one_file_that_is_missed_until_it_is_there(home: Path) -> None:
    (home / "turn" / "tls").symlink_to(home / "tls" / "cam")
    assert turn.fault() == f"{turn.COPY}: is not the certificate of its site"
    wanted = turn._wanted()
    assert wanted is not None
    assert (wanted["wanted"]["mode"], wanted["wanted"]["group"]) == ("0640", "turnserver")
    folder = home / "both"
    folder.mkdir()
    for part in ("fullchain", "privkey"):
        (folder / f"{part}.pem").write_bytes(base64.b64decode(wanted["content"]))
    assert certificates.unusable(str(folder)) == ""


def test_a_certificate_that_does_not_work_is_not_given_on(home: Path) -> None:
    (home / "turn" / "tls").symlink_to(home / "tls" / "cam")
    (home / "tls" / "cam" / "privkey.pem").write_text("broken")
    turn.refresh()
    assert not (home / "turn" / "certificate.pem").exists()
    assert "no certificate that works" in turn.fault()


@pytest.fixture
def ran(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What was run on a box whose group for coturn is our own."""
    commands: list[list[str]] = []
    monkeypatch.setattr(turn, "SECRETS", str(home / "turn" / "secrets.db"))
    monkeypatch.setattr(turn, "HOME", str(home / "turn"))
    monkeypatch.setattr(shutil, "chown", lambda path, group: None)
    monkeypatch.setattr(turn, "run", commands.append)
    return commands


def hashed(*pairs: tuple[str, str]) -> list[list[str]]:
    return sorted([realm, hashlib.sha256(value.encode()).hexdigest()] for realm, value in pairs)


def test_what_is_accepted_is_changed_in_place_and_shown_by_hashes(home: Path, ran: list[list[str]]) -> None:
    assert turn.accepted() is None
    turn._accept([["cam", "one"], ["cam", "two"]])
    assert turn.accepted() == hashed(("cam", "one"), ("cam", "two"))
    assert ran == [["systemctl", "try-restart", "coturn.service"]]
    before = (home / "turn" / "secrets.db").stat().st_ino
    turn._accept([["cam", "two"], ["cam", "three"]])
    assert turn.accepted() == hashed(("cam", "two"), ("cam", "three"))
    assert (home / "turn" / "secrets.db").stat().st_ino == before
    assert len(ran) == 1
    assert [path.name for path in (home / "turn").iterdir()] == ["secrets.db"]


@pytest.mark.parametrize("harm", ["cut", "open"])
def test_a_database_that_is_of_no_use_is_made_anew(home: Path, ran: list[list[str]], harm: str) -> None:
    turn._accept([["cam", "one"]])
    database = home / "turn" / "secrets.db"
    database.chmod(0o644) if harm == "open" else database.write_bytes(database.read_bytes()[:100])
    assert turn.accepted() is None
    turn._accept([["cam", "one"]])
    assert turn.accepted() == hashed(("cam", "one"))
    assert len(ran) == 2
