"""A dump on its way: what is of another server is left out, and rows are counted."""

from __future__ import annotations

import pytest

from onbox.dump import Dump
from onbox.elsewhere import variables
from onbox.shell import Failed

DUMP = r"""\restrict x
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;
COMMENT ON EXTENSION citext IS 'case';
CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql AS $_$
BEGIN
GRANT SELECT ON notes TO somebody;
END $_$;
ALTER FUNCTION public.f() OWNER TO railway;
CREATE TABLE public.notes (id integer);
ALTER TABLE public.notes OWNER TO railway;
COPY public.notes (id) FROM stdin;
1
GRANT is a word in a row
ALTER TABLE x OWNER TO y;
\.
COPY public."Odd ""name" (id, "of day") FROM stdin;
1	2
\.
GRANT ALL ON TABLE public.notes TO railway;
-- PostgreSQL database dump complete
"""


def passed(text: str) -> tuple[Dump, list[str]]:
    dump = Dump("shop")
    sent = dump.begin + b"".join(dump.line(line) for line in text.encode().splitlines(keepends=True))
    return dump, sent.decode().splitlines()


def test_what_is_about_accounts_of_another_server_is_left_out() -> None:
    _, sent = passed(DUMP)
    left = set(DUMP.splitlines()) - set(sent)
    assert left == {
        r"\restrict x",
        "SET transaction_timeout = 0;",
        "COMMENT ON EXTENSION citext IS 'case';",
        "ALTER FUNCTION public.f() OWNER TO railway;",
        "ALTER TABLE public.notes OWNER TO railway;",
        "GRANT ALL ON TABLE public.notes TO railway;",
    }


def test_rows_and_bodies_of_functions_are_as_they_are() -> None:
    _, sent = passed(DUMP)
    assert "GRANT is a word in a row" in sent
    assert "ALTER TABLE x OWNER TO y;" in sent
    assert "GRANT SELECT ON notes TO somebody;" in sent


def test_rows_are_counted_by_the_names_of_their_tables() -> None:
    dump, _ = passed(DUMP)
    assert dump.rows == {"public.notes": 3, 'public.Odd "name': 1}


def test_extensions_are_the_superusers_and_all_else_the_owners() -> None:
    _, sent = passed(DUMP)
    place = sent.index("CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;")
    assert sent[0] == 'SET ROLE "shop";'
    assert (sent[place - 1], sent[place + 1]) == ("RESET ROLE;", 'SET ROLE "shop";')


def test_a_dump_that_was_cut_off_is_not_whole() -> None:
    assert passed(DUMP)[0].is_whole
    assert not passed(DUMP.rpartition("--")[0])[0].is_whole


def test_an_address_becomes_variables() -> None:
    found = variables("postgresql://me:p%40ss@db.example.com/shop?sslmode=require&channel_binding=require&x=1\n")
    assert {name: value for name, value in found.items() if name.startswith("PG")} == {
        "PGHOST": "db.example.com",
        "PGPORT": "5432",
        "PGUSER": "me",
        "PGPASSWORD": "p@ss",
        "PGDATABASE": "shop",
        "PGSSLMODE": "require",
        "PGCHANNELBINDING": "require",
        "PGCONNECT_TIMEOUT": "15",
    }


@pytest.mark.parametrize("url", ["", "mysql://me@host/x", "postgresql:///x", "postgresql://me:secret@host", "secret"])
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(Failed, match="that is no address") as refused:
        variables(url)
    assert "secret" not in str(refused.value)
