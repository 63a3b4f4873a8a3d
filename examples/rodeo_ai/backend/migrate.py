"""Release command: brings the tables to the version this release needs. Safe to run again and again."""

from __future__ import annotations

import os

import psycopg

from embedding import SIZE
from settings import refuse, require

# Each is run once, in order, and never edited. The release before still runs meanwhile: add, don't drop.
MIGRATIONS = (
    f"""
    CREATE TABLE images (
        id uuid PRIMARY KEY,
        file text NOT NULL,
        place vector({SIZE}) NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE products (key text PRIMARY KEY, name text NOT NULL, place vector({SIZE}) NOT NULL);
    CREATE INDEX images_place ON images USING hnsw (place vector_cosine_ops);
    CREATE INDEX products_place ON products USING hnsw (place vector_cosine_ops);
    CREATE TABLE scrapes (
        id uuid PRIMARY KEY,
        source text NOT NULL,
        pages integer NOT NULL,
        pace real NOT NULL,
        done integer NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        started_at timestamptz,
        ended_at timestamptz
    );
    CREATE TABLE payments (id text PRIMARY KEY, kind text NOT NULL, created_at timestamptz NOT NULL DEFAULT now())
    """,
)
LOCK = 7_034_112  # any number, the same in every release: one migration at a time


def migrate(connection: psycopg.Connection) -> list[int]:
    """Applies what is missing in the connection's transaction, all or nothing; the versions applied."""
    # A table in use fails the release in seconds; waiting, it would hold up every query of the running one.
    connection.execute("SET LOCAL lock_timeout = '10s'")
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_version"
        " (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    done = {version for (version,) in connection.execute("SELECT version FROM schema_version")}
    missing = [version for version in range(1, len(MIGRATIONS) + 1) if version not in done]
    for version in missing:
        connection.execute(MIGRATIONS[version - 1])
        connection.execute("INSERT INTO schema_version (version) VALUES (%s)", [version])
    return missing


def main() -> None:
    """Prints what was done; one line and code 1 when the database does not answer."""
    require(os.environ, "DATABASE_URL")
    try:
        with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=3) as connection:
            applied = migrate(connection)
    except psycopg.OperationalError as fault:
        refuse(f"migration not applied: {' '.join(str(fault).split())}")
    said = f"applied {', '.join(map(str, applied))}" if applied else "nothing to apply"
    print(f"schema at version {len(MIGRATIONS)}: {said}")


if __name__ == "__main__":
    main()
