"""SCRAM verifiers. That PostgreSQL takes them is tried in tests/data/test_postgres.py."""

from __future__ import annotations

import base64

import pytest

from roles import scram


def test_a_verifier_is_what_rfc_5803_says() -> None:
    kind, middle, keys = scram.verifier("secret", "note_taker_a").split("$")
    iterations, salt = middle.split(":")
    assert (kind, iterations) == ("SCRAM-SHA-256", "4096")
    assert len(base64.b64decode(salt)) == 16
    assert [len(base64.b64decode(key)) for key in keys.split(":")] == [32, 32]


def test_the_keys_are_those_that_postgresql_makes() -> None:
    # what PostgreSQL 17 kept after `CREATE ROLE ... PASSWORD 'pencil'`
    known = (
        "SCRAM-SHA-256$4096:Sx8Xs0Lqx0cEcP5gicPlrQ==$"
        "6F+GG1kkAr7FsF7Fx0UiqztWNvVDH9VoUytdihqjZy4=:eBXBJtHmRXXCGcZlRAMaX7ZjdBiam0HtOghZah544HA="
    )
    assert scram.salted("pencil", base64.b64decode("Sx8Xs0Lqx0cEcP5gicPlrQ==")) == known


def test_the_same_password_gives_the_same_verifier_and_nothing_else_does() -> None:
    made = {scram.verifier(password, role) for password in ("one", "two") for role in ("a", "b")}
    assert len(made) == 4
    assert scram.verifier("one", "a") in made


def test_a_password_that_would_have_to_be_normalised_is_refused() -> None:
    with pytest.raises(ValueError, match="ASCII"):
        scram.verifier("pässword", "a")
