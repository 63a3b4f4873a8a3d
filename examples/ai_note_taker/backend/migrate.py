"""Release command: brings the tables to the version this release needs. Safe to run again and again."""

from __future__ import annotations

import os

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

from settings import refuse, require
from store import CONNECT_SECONDS, driver_url

# Each is run once, in order, and never edited. The release before still runs meanwhile: add, don't drop.
MIGRATIONS = (
    """
    CREATE TABLE transcription_sessions (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        source text NOT NULL DEFAULT 'live',
        transcript text NOT NULL DEFAULT '',
        summary text,
        bytes bigint NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        ended_at timestamptz
    )
    """,
    "CREATE INDEX transcription_sessions_created_at ON transcription_sessions (created_at)",
)
LOCK = 6_016_427  # any number, the same in every release: one migration at a time


def migrate(connection: Connection) -> list[int]:
    """Applies what is missing in the connection's transaction, all or nothing; the versions applied."""
    # A table in use fails the release in seconds; waiting, it would hold up every query of the running one:
    # https://www.postgresql.org/docs/current/explicit-locking.html
    connection.execute(text("SET LOCAL lock_timeout = '10s'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    connection.execute(
        text(
            "CREATE TABLE IF NOT EXISTS schema_version"
            " (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
    )
    done = set(connection.scalars(text("SELECT version FROM schema_version")))
    missing = [version for version in range(1, len(MIGRATIONS) + 1) if version not in done]
    for version in missing:
        connection.execute(text(MIGRATIONS[version - 1]))
        connection.execute(
            text("INSERT INTO schema_version (version) VALUES (:version)"), {"version": version}
        )
    return missing


def main() -> None:
    """Prints what was done; one line and code 1 when the database does not answer."""
    require(os.environ, "DATABASE_URL")
    engine = create_engine(
        driver_url(os.environ["DATABASE_URL"]), connect_args={"connect_timeout": CONNECT_SECONDS}
    )
    try:
        with engine.begin() as connection:
            applied = migrate(connection)
    except OperationalError as fault:
        refuse(f"migration not applied: {' '.join(str(fault.orig).split())}")
    said = f"applied {', '.join(map(str, applied))}" if applied else "nothing to apply"
    print(f"schema at version {len(MIGRATIONS)}: {said}")


if __name__ == "__main__":
    main()
