"""Backups that go to a bucket of S3: made, read back, verified, and restored from there for a trial."""

from __future__ import annotations

import pytest

from target.box import Target
from target.bucket import Bucket
from target.kept.box import Box

pytestmark = pytest.mark.target
KEYS = {"s3_key": b"AKIAEXAMPLE123456789", "s3_secret": b"with/odd+signs=in&it"}


def test_backups_go_to_a_bucket_and_come_back_from_there(box: Box, place: Target) -> None:
    bucket = Bucket.install(place)
    bucket.is_trusted_by(box.target)
    at = place.address
    for name, value in KEYS.items():
        assert box.command("secrets", "set", "ENV", f"backups/{name}", stdin=value, bucket_at=at).returncode == 0
    box.converge(bucket_at=at)
    try:
        made = box.command("backup", "now", "ENV", bucket_at=at)
        assert made.returncode == 0, made
        assert f"and read back: here, {bucket.place}" in made.stdout.decode()
        verified = box.command("backup", "verify", "ENV", bucket_at=at)
        assert verified.returncode == 0, verified
        assert f"{bucket.place}: PostgreSQL is whole\n{bucket.place}: files are whole" in verified.stdout.decode()
        tried = box.command("backup", "drill", "ENV", bucket_at=at)
        assert tried.returncode == 0, tried
        assert f"restored from {bucket.place} and compared: " in tried.stdout.decode()
        assert box.changes(bucket_at=at) == []
        said = box.target.succeed("journalctl -o export; systemctl show '*'; ps axww -o args")
        assert KEYS["s3_secret"].decode() not in said
    finally:
        box.converge()
    assert box.command("backup", "now", "ENV").returncode == 0, "to the other place again, from which later ones go on"
