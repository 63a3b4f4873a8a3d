"""certbot's records, put right."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from onbox import lineage

STANDALONE = """# renew_before_expiry = 30 days
version = 4.0.0
archive_dir = /etc/letsencrypt/archive/a.example.com
cert = /etc/letsencrypt/live/a.example.com/cert.pem
[renewalparams]
account = 0123
authenticator = standalone
http01_port = 8888
pref_challs = http-01,
server = https://ca.example.com/dir
key_type = ecdsa
"""


def test_a_standalone_lineage_becomes_one_by_webroot() -> None:
    text = lineage.settled(STANDALONE, ["b.example.com", "a.example.com"], "/var/www/x")
    assert text.startswith(STANDALONE.partition("[renewalparams]")[0])
    assert "standalone" not in text
    assert "http01_port" not in text
    assert "account = 0123\nserver = https://ca.example.com/dir\nkey_type = ecdsa\nauthenticator = webroot\n" in text
    assert text.endswith("[[webroot_map]]\na.example.com = /var/www/x\nb.example.com = /var/www/x\n")


def test_settling_twice_is_settling_once() -> None:
    once = lineage.settled(STANDALONE, ["a.example.com"], "/var/www/x")
    assert lineage.settled(once, ["a.example.com"], "/var/www/x") == once


def make(folder: Path, *names: str, days: int = 90) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    alternatives = ",".join(f"DNS:{name}" for name in names)
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    argv += ["-days", str(days), "-subj", "/CN=x", "-addext", f"subjectAltName={alternatives}"]
    argv += ["-keyout", str(folder / "privkey1.pem"), "-out", str(folder / "fullchain1.pem")]
    subprocess.run(argv, check=True, capture_output=True)
    for part in ("cert", "chain"):
        (folder / f"{part}1.pem").write_bytes((folder / "fullchain1.pem").read_bytes())
    return folder / "fullchain1.pem"


def test_a_certificate_is_read(tmp_path: Path) -> None:
    found = lineage.read(str(make(tmp_path, "a.example.com", "b.example.com")))
    assert found is not None
    assert found.names == {"a.example.com", "b.example.com"}
    assert found.ends - found.begins == 90 * 86400
    assert found.issuer == "CN=x" or found.issuer == "CN = x"


def test_what_is_no_certificate_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert lineage.read(str(tmp_path / "x.pem")) is None
    assert lineage.read(str(tmp_path / "nothing.pem")) is None


def test_links_are_put_back_to_the_newest_whole_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LIVE", "ARCHIVE"):
        monkeypatch.setattr(lineage, name, str(tmp_path / name.lower()))
    (tmp_path / "live").mkdir()
    archive = tmp_path / "archive" / "a.example.com"
    whole = make(archive, "a.example.com")
    (archive / "cert2.pem").write_text("cut off")
    lineage.mend("a.example.com")
    assert (tmp_path / "live/a.example.com/fullchain.pem").read_bytes() == whole.read_bytes()


def test_without_an_archive_nothing_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LIVE", "ARCHIVE"):
        monkeypatch.setattr(lineage, name, str(tmp_path / name.lower()))
    lineage.mend("a.example.com")
    assert list(tmp_path.iterdir()) == []
