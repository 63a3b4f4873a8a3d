"""Elsewhere: a database of another server, by its address: a secret, which stays in the environment of programs."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from onbox import counts, postgres
from onbox.scratch import as_postgres
from onbox.shell import Failed

PARAMETERS = {
    "sslmode": "PGSSLMODE",
    "options": "PGOPTIONS",
    "channel_binding": "PGCHANNELBINDING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "gssencmode": "PGGSSENCMODE",
}
"""What an address may say behind its question mark, and the variable that says the same to PostgreSQL's programs."""


@dataclass(frozen=True)
class Elsewhere:
    """The database there; `psql` is the program to ask it with."""

    env: Mapping[str, str] = field(repr=False)
    psql: str

    @classmethod
    def at(cls, url: str, psql: str) -> Elsewhere:
        """The one at an address. Raises Failed, without the address."""
        return cls(variables(url), psql)

    @property
    def database(self) -> str:
        return self.env["PGDATABASE"]

    def ask(self, sql: str, timeout: float = 20, database: str = "") -> str:
        """What psql says there. Raises Failed with its errors."""
        argv = [self.psql, "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        with as_postgres(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.env) as psql:
            said, wrong = psql.communicate(sql.encode(), timeout)
        if psql.returncode:
            raise Failed(f"the other server: {wrong.decode(errors='replace').strip()}")
        return said.decode()

    def counts(self) -> counts.Counts:
        """The rows of each of its tables."""
        return counts.of(self.ask, [self.database])[self.database]


def variables(url: str) -> dict[str, str]:
    """What says to PostgreSQL's programs what an address says. Raises Failed, without the address."""
    parts = urlsplit(url.strip())
    if parts.scheme not in ("postgresql", "postgres") or not parts.hostname or not parts.path.strip("/"):
        raise Failed("that is no address of a database; it looks like postgresql://user:password@host:5432/name")
    said = {
        "PGHOST": parts.hostname,
        "PGPORT": str(parts.port or 5432),
        "PGUSER": unquote(parts.username or "postgres"),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.strip("/")),
    }
    more = {PARAMETERS[name]: value for name, value in parse_qsl(parts.query) if name in PARAMETERS}
    return {**postgres.ENVIRONMENT, "PGCONNECT_TIMEOUT": "15", **said, **more}
