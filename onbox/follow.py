"""Follow: a database of another server, copied and kept up with until the move, by PostgreSQL's logical replication."""

from __future__ import annotations

import time

from onbox import counts, postgres, restore
from onbox.elsewhere import Elsewhere
from onbox.pipes import PLAIN, load, output
from onbox.shell import Failed

NAME = "boxkeeper_import"
"""Of the publication over there; the subscription here, and its slot there, add the database's."""
COPIES, ARRIVES = 24 * 3600.0, 60.0
"""Seconds that the first copy may take, and the last changes."""
QUIET = "SET log_min_error_statement = panic; SET log_min_duration_statement = -1; SET log_statement = none;\n"
"""The statement holds the address of the other server, with its password."""
TABLES = """
SELECT format('%I.%I', n.nspname, c.relname), relreplident = 'f' OR EXISTS (SELECT FROM pg_index i
        WHERE i.indrelid = c.oid AND (i.indisreplident OR (i.indisprimary AND relreplident = 'd')))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1
"""
"""Each, and whether a changed row of it can be found again."""
SEQUENCES = "SELECT format('SELECT setval(%L, %s);', format('%I.%I', schemaname, sequencename), last_value)"
SEQUENCES += " FROM pg_sequences WHERE last_value IS NOT NULL"
WAITING = "SELECT count(*) FILTER (WHERE srsubstate <> 'r'), count(*) FROM pg_subscription_rel"


def begin(live: postgres.Cluster, owner: str, into: str, url: str) -> None:
    """Copy a database, and go on with what changes there. Raises Failed, and leaves nothing on either side."""
    source = Elsewhere.at(url, live.program("psql"))
    names = _followed(source)
    with restore.arriving(live, into, owner):
        with output([live.program("pg_dump"), *PLAIN, "--schema-only"], source.env) as lines:
            load(live, into, owner, lines)
        source.ask(f"DROP PUBLICATION IF EXISTS {NAME}; CREATE PUBLICATION {NAME} FOR TABLE {', '.join(names)}")
        try:
            _subscribe(live, into, url)
            _copied(live, into)
        except BaseException:
            end(live, into)
            _unpublish(source)
            raise
    print(f"database {into} has {len(names)} tables and follows what changes there")


def _subscribe(live: postgres.Cluster, into: str, url: str) -> None:
    where, options = url.strip().replace("'", "''"), f"WITH (slot_name = '{_slot(into)}')"
    made = f"CREATE SUBSCRIPTION \"{_slot(into)}\" CONNECTION '{where}' PUBLICATION {NAME} {options}"
    live.ask(QUIET + made, timeout=120, database=into)


def _unpublish(source: Elsewhere) -> None:
    source.ask(f"DROP PUBLICATION IF EXISTS {NAME}")


def _followed(source: Elsewhere) -> list[str]:
    """Its tables. Raises Failed where the other server does not allow it."""
    level = source.ask("SHOW wal_level").strip()
    if level != "logical":
        raise Failed(f"the other server can't be followed (its wal_level is {level}): stop the app there, then `--url`")
    tables = [line.rpartition("|")[::2] for line in source.ask(TABLES).splitlines()]
    bare = [name for name, has_key in tables if has_key != "t"]
    if bare:
        raise Failed(
            f"without a primary key it can't be followed: {', '.join(bare[:5])}; stop the app there, then `--url`"
        )
    return [name for name, _ in tables]


def _slot(into: str) -> str:
    return f"{NAME}_{into}"[:63]


def _copied(live: postgres.Cluster, into: str) -> None:
    """Wait until every table has arrived."""
    until, said = time.monotonic() + COPIES, ""
    while True:
        left, whole = live.ask(WAITING, database=into).strip().split("|")
        if left == "0":
            return
        if left != said:
            print(f"  {int(whole) - int(left)} of {whole} tables are copied", flush=True)
            said = left
        if time.monotonic() > until:
            raise Failed(f"copying takes longer than {COPIES / 3600:.0f} h")
        time.sleep(1)


def finish(live: postgres.Cluster, into: str) -> None:
    """Wait for the last changes, compare, and follow no longer; where nothing is followed, nothing. Raises Failed."""
    source = _source(live, into)
    if source is None:
        return
    there, until = source.ask("SELECT pg_current_wal_lsn()").strip(), time.monotonic() + ARRIVES
    worker = f"FROM pg_stat_subscription WHERE subname = '{_slot(into)}' AND relid IS NULL"
    arrived = f"SELECT latest_end_lsn >= '{there}' {worker}"
    while live.ask(arrived, database=into).strip() != "t":
        if time.monotonic() > until:
            raise Failed(f"the last changes have not arrived within {ARRIVES:.0f} s; the same line goes on")
        time.sleep(0.2)
    rows = source.counts()
    if wrong := counts.differences(counts.of(live.ask, [into])[into], rows, rows):
        raise Failed(f"it is not the same on both sides: {'; '.join(wrong[:5])}. Is the app there stopped?")
    live.ask(source.ask(SEQUENCES), database=into)
    end(live, into)
    print(f"{sum(rows.values())} rows of {len(rows)} tables are the same on both sides")


def end(live: postgres.Cluster, into: str) -> None:
    """Follow no longer, and leave nothing over there: a slot that nobody reads fills its disk."""
    source, name = _source(live, into), f'"{_slot(into)}"'
    if source is None:
        return
    try:
        _unpublish(source)
        live.ask(f"DROP SUBSCRIPTION {name}", timeout=60, database=into)
    except Failed as failed:
        alter = f"ALTER SUBSCRIPTION {name}"
        live.ask(f"{alter} DISABLE; {alter} SET (slot_name = NONE); DROP SUBSCRIPTION {name}", database=into)
        print(f"! on the other server its slot stays, and fills its disk: drop {_slot(into)} there ({failed})")


def _source(live: postgres.Cluster, into: str) -> Elsewhere | None:
    """The server that a database follows."""
    if not restore.is_there(live, into):
        return None
    asked = f"SELECT subconninfo FROM pg_subscription WHERE subname = '{_slot(into)}'"
    url = live.ask(asked, database=into).strip()
    return Elsewhere.at(url, live.program("psql")) if url else None
