"""Postgres with pgvector: images, products and jobs. Connects on first use."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

# What a database that is away or too busy looks like; any other error is a fault of ours.
AWAY = (psycopg.OperationalError, PoolTimeout)
CONNECT_SECONDS = 3
Row = dict[str, Any]


class Store:
    """Every call raises one of `AWAY` while the database does not answer."""

    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool(
            url,
            min_size=0,
            max_size=4,
            timeout=CONNECT_SECONDS,
            check=ConnectionPool.check_connection,  # replaces connections that a restart of the server has cut
            kwargs={
                "connect_timeout": CONNECT_SECONDS,
                "application_name": "rodeo-ai",
                "row_factory": dict_row,
            },
            open=False,
        )

    def rows(self, sql: str, *values: object) -> list[Row]:
        """What a statement returns, in a transaction of its own."""
        self._pool.open()
        with self._pool.connection() as connection:
            cursor = connection.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def ask(self) -> None:
        """Returns when the database has really measured a distance between two vectors."""
        self.rows("SELECT '[1,0]'::vector <=> '[0,1]'::vector AS distance")

    def close(self) -> None:
        """Closes all connections."""
        self._pool.close()


def vector(place: list[float]) -> str:
    """A vector as pgvector reads it."""
    return "[" + ",".join(f"{number:.6f}" for number in place) + "]"
