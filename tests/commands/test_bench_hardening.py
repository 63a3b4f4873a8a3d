"""What auditors say, read from their reports."""

from __future__ import annotations

import pytest

from commands.bench_hardening import exposed, lynis, ssh_faults, table, tls_faults
from roles import Fault

LYNIS = "report_version_major=1\nwarning[]=FIRE-4512|no rules active|-|-|\nhardening_index=81\n"
SSH = """# key exchange algorithms
(kex) diffie-hellman-group14-sha1   -- [fail] using broken SHA-1 hash algorithm
(kex) curve25519-sha256             -- [info] available since OpenSSH 7.4
(mac) hmac-sha1                     -- [warn] using weak hashing algorithm
"""
TLS = [
    {"id": "TLS1", "severity": "OK", "finding": "not offered"},
    {"id": "cert_trust", "severity": "HIGH", "finding": "self-signed"},
    {"id": "LUCKY13", "severity": "MEDIUM", "finding": "potentially vulnerable"},
    {"id": "final_score", "severity": "INFO", "finding": "93"},
    {"id": "overall_grade", "severity": "OK", "finding": "A"},
]
UNITS = """UNIT                                 EXPOSURE PREDICATE HAPPY
ai-note-taker-web@1.service               1.1 OK        :-)
boxkeeper-redis@ai-note-taker.service     1.2 OK        :-)
cron.service                              9.6 UNSAFE    :-(
"""


def test_lynis_gives_an_index_and_warnings() -> None:
    assert lynis(LYNIS) == {"index": 81, "warnings": ["FIRE-4512|no rules active|-|-"]}


def test_weak_algorithms_of_ssh_are_named() -> None:
    assert [line.split()[1] for line in ssh_faults(SSH)] == ["diffie-hellman-group14-sha1", "hmac-sha1"]


def test_a_certificate_of_our_own_is_no_fault_of_tls() -> None:
    assert tls_faults(TLS) == {"score": 93, "grade": "A", "faults": ["LUCKY13: potentially vulnerable"]}


def test_no_answer_is_no_figure() -> None:
    with pytest.raises(Fault, match="Lynis gives no index"):
        lynis("")
    with pytest.raises(Fault, match=r"testssl\.sh gives no score"):
        tls_faults([])


def test_units_of_ours_are_rated() -> None:
    assert exposed(UNITS) == {"ai-note-taker-web@1.service": 1.1, "boxkeeper-redis@ai-note-taker.service": 1.2}


def test_the_table_says_it_all() -> None:
    found = {"lynis": lynis(LYNIS), "ssh": ssh_faults(SSH), "tls": tls_faults(TLS), "units": exposed(UNITS)}
    said = list(table(found))
    assert said[0] == "\nLynis: index 81 of 100, 1 warnings"
    assert "testssl.sh: score 93 of 100, grade A, 1 faults" in said
    assert said[-1].split() == ["boxkeeper-redis@ai-note-taker.service", "1.2"]
