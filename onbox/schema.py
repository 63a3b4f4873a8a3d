"""The shape of an app's database: whether migrations lie between two releases."""

from __future__ import annotations

from onbox import postgres
from onbox.shell import Failed

SHAPE = """
SELECT md5(coalesce(string_agg(line, chr(10) ORDER BY line), '')) FROM (
    SELECT concat_ws(' ', table_schema, table_name, column_name, data_type, is_nullable, column_default) AS line
    FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
) AS lines
"""


def digest(database: str | None) -> str | None:
    """One hash of its tables, columns and indexes; None for an app without a database, or one that can't be asked.

    What a migration does to rows alone is not seen.
    """
    there = postgres.clusters() if database else []
    if database is None or len(there) != 1:
        return None
    try:
        return there[0].ask(SHAPE, database=database).strip()
    except Failed:
        return None
