"""Counts: how many rows each table of some databases has, by which a copy is compared with its original."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

Ask = Callable[..., str]
Counts = dict[str, int]
# counted, not estimated: xpath over query_to_xml runs a query for each row of another one
SQL = """
SELECT coalesce(json_object_agg(format('%s.%s', n.nspname, c.relname),
    (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %I.%I', n.nspname, c.relname),
                                         false, true, '')))[1]::text::bigint), '{}')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
"""


def of(ask: Ask, databases: Sequence[str]) -> dict[str, Counts]:
    """The rows of each table, by database."""
    return {name: json.loads(ask(SQL, timeout=3600, database=name)) for name in databases}


def differences(found: Counts, least: Counts, most: Mapping[str, int]) -> list[str]:
    """Where a copy has other rows than its original had before and after the moment that it was made at."""
    said = [f"{table} is missing" for table in least if table in most and table not in found]
    for table, rows in found.items():
        low, high = sorted((least.get(table, 0), most.get(table, 0)))
        if not low <= rows <= high:
            said.append(f"{table} has {rows} rows, not {low if low == high else f'{low} to {high}'}")
    return sorted(said)
