"""SCRAM-SHA-256 verifiers (RFC 5803): what PostgreSQL keeps instead of a password, and takes instead of one."""

from __future__ import annotations

import base64
import hashlib
import hmac

ITERATIONS = 4096


def verifier(password: str, role: str) -> str:
    """What `ALTER ROLE ... PASSWORD` takes, so that a password reaches neither the wire nor a log.

    The salt follows from password and role: the same password gives the same verifier, which can be compared with the
    stored one. A salt has to differ between passwords and between roles, and this one does. Takes ASCII passwords only,
    for others would have to be normalised first (SASLprep); raises ValueError.
    """
    if not password.isascii():
        raise ValueError("a database password must be ASCII")
    return salted(password, hmac.digest(password.encode(), f"boxkeeper {role}".encode(), "sha256")[:16])


def salted(password: str, salt: bytes) -> str:
    """The verifier with this salt."""
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    stored = hashlib.sha256(hmac.digest(key, b"Client Key", "sha256")).digest()
    server = hmac.digest(key, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${ITERATIONS}:{_text(salt)}${_text(stored)}:{_text(server)}"


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
