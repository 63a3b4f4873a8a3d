"""Which ports may be opened, and what the table says."""

from __future__ import annotations

import pytest

from roles import Fault
from roles.firewall import RULES, Firewall, Rules


def rules(**other: object) -> Rules:
    return Rules("firewall", files=[], prove=(), load=(), unload=(), **other)  # type: ignore[arg-type]


def text(ports: list[int], **other: object) -> str:
    (file,) = rules(**other).entries({"ports": ports})
    assert file.path == RULES
    return file.content.decode()


@pytest.mark.parametrize("port", ["tcp/8443", "udp/50000-50100", "tcp/1", "tcp/65535"])
def test_a_port_is_opened(port: str) -> None:
    assert Firewall(ports=(port,)).ports == (port,)


@pytest.mark.parametrize("port", ["8443", "tcp/0", "tcp/65536", "tcp/9-8", "sctp/1", "tcp/1 accept; flush ruleset"])
def test_what_is_no_port_is_refused(port: str) -> None:
    assert "is no port; write it like `tcp/8443`" in Firewall(ports=(port,)).faults[0]


@pytest.mark.parametrize(
    ("port", "who"),
    [("tcp/5432", "Postgres"), ("tcp/6379", "Redis"), ("tcp/8000", "Chroma"), ("tcp/11000-12000", "Ollama")],
)
def test_what_never_belongs_on_the_internet_is_refused(port: str, who: str) -> None:
    assert f"{port} would open {who} to everybody" in Firewall(ports=(port,)).faults[0]


def test_the_ports_that_sshd_listens_on_stay_open() -> None:
    assert "elements = { 22, 2222 }" in text([22, 2222])


def test_where_no_sshd_is_seen_the_door_is_not_closed() -> None:
    with pytest.raises(Fault, match="no sshd is seen to listen"):
        text([])


def test_everything_else_is_shut_by_default() -> None:
    assert "hook input priority filter; policy drop;" in text([22])
    assert "tcp dport {" not in text([22])
    assert "tcp dport { 80, 443 } accept" in text([22], tcp=["80", "443"])
    assert "udp dport { 50000-50100 } accept" in text([22], udp=["50000-50100"])


def test_no_other_table_is_named() -> None:
    assert "flush" not in text([22])
    assert {line for line in text([22]).splitlines() if line.startswith(("table", "delete"))} == {
        "table inet boxkeeper",
        "delete table inet boxkeeper",
        "table inet boxkeeper {",
    }
