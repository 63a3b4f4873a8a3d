"""A database that moves: out as a dump, in from one, and from another platform's server by its address."""

from __future__ import annotations

import base64
import gzip
import shlex

import pytest

from target.box import Target
from target.kept.box import Box

pytestmark = pytest.mark.target
PASSWORD = "canary-of-a-platform"
SOURCE = rf"""
CREATE ROLE railway LOGIN PASSWORD '{PASSWORD}';
CREATE ROLE reader;
CREATE DATABASE railway OWNER railway;
\connect railway
CREATE EXTENSION citext;
SET ROLE railway;
CREATE TABLE people (id serial PRIMARY KEY, name citext UNIQUE);
INSERT INTO people (name) SELECT 'person ' || n FROM generate_series(1, 500) n;
CREATE TABLE "Odd Name" (at timestamptz, text text);
INSERT INTO "Odd Name" VALUES (now(), E'GRANT x;\nALTER TABLE y OWNER TO z;\t\\');
CREATE VIEW names AS SELECT name FROM people;
GRANT SELECT ON people TO reader;
"""
OWNERS = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"


@pytest.fixture(scope="module")
def url(place: Target) -> str:
    """The address of a server somewhere else."""
    place.install("postgresql")
    place.succeed(
        "cd / && runuser -u postgres -- psql -qc \"ALTER SYSTEM SET listen_addresses = '*'\""
        " && echo 'host all all 0.0.0.0/0 scram-sha-256' >>$(ls -d /etc/postgresql/*/main)/pg_hba.conf"
        f" && systemctl restart postgresql && runuser -u postgres -- psql -q -v ON_ERROR_STOP=1 <<'EOF'\n{SOURCE}\nEOF"
    )
    return f"postgresql://railway:{PASSWORD}@{place.address}/railway"


def moved(box: Box) -> None:
    """What was imported is as it was, belongs to the app alone, and goes away again."""
    assert box.sql("SELECT count(*), max(id) FROM people", "note_taker_imported") == "500|500"
    assert box.sql('SELECT text FROM "Odd Name"', "note_taker_imported") == "GRANT x;\nALTER TABLE y OWNER TO z;\t\\"
    assert box.sql(OWNERS, "note_taker_imported") == "note_taker"
    assert box.sql("SELECT nextval('people_id_seq')", "note_taker_imported") == "501"
    box.sql("DROP DATABASE note_taker_imported", "postgres")


def test_a_database_comes_from_another_platform_by_its_address(box: Box, url: str) -> None:
    done = box.command("import", "ENV", "note-taker", "--url", stdin=url.encode())
    assert done.returncode == 0, done
    assert b"2 tables, 501 rows, each compared" in done.stdout
    moved(box)
    assert PASSWORD not in box.target.succeed("journalctl -o export; cat /var/log/postgresql/*")


def test_a_dump_goes_out_and_comes_back_in_each_of_its_forms(box: Box, place: Target, url: str) -> None:
    as_custom = place.succeed("cd /; runuser -u postgres -- pg_dump -Fc railway | base64 -w 0")
    plain = place.succeed("cd /; runuser -u postgres -- pg_dump railway").encode()
    for dump in (plain, gzip.compress(plain), base64.b64decode(as_custom)):
        done = box.command("import", "ENV", "note-taker", stdin=dump)
        assert done.returncode == 0, done
        assert b"2 tables, 501 rows, each compared" in done.stdout
        exported = box.command("export", "ENV", "note-taker")
        assert exported.returncode == 0, exported
        moved(box)
    again = box.command("import", "ENV", "other", stdin=exported.stdout)
    assert again.returncode == 0, again
    box.sql("DROP DATABASE other_imported", "postgres")


@pytest.mark.parametrize(
    ("stdin", "says"),
    [
        (b"CREATE TABLE x (id int);\n", b"the dump is cut off"),
        (b"CREATE TABLE x (id int);\nCREATE TABLE x (id int);\n", b'relation "x" already exists'),
        (b"PGDMP and nothing more", b"pg_restore: "),
    ],
)
def test_a_dump_that_is_cut_off_or_wrong_leaves_nothing_behind(box: Box, stdin: bytes, says: bytes) -> None:
    done = box.command("import", "ENV", "note-taker", stdin=stdin)
    assert done.returncode == 1
    assert says in done.stderr
    assert b"what is live is as it was" in done.stderr
    assert box.sql("SELECT datname FROM pg_database WHERE datname ~ 'imported'", "postgres") == ""


def test_an_address_that_does_not_answer_is_said_without_its_password(box: Box, url: str) -> None:
    done = box.command("import", "ENV", "note-taker", "--url", stdin=url.replace(PASSWORD, "wrong-one").encode())
    assert done.returncode == 1
    assert b"pg_dump: " in done.stderr
    assert b"wrong-one" not in done.stderr + done.stdout


def test_what_was_imported_takes_the_place_of_what_is_live_which_is_kept(box: Box, url: str) -> None:
    assert box.command("import", "ENV", "other", "--url", stdin=url.encode()).returncode == 0
    unsure = box.command("import", "ENV", "other", "--replace", stdin=b"no\n")
    assert (unsure.returncode, b"nothing was changed" in unsure.stderr) == (2, True)
    done = box.command("import", "ENV", "other", "--replace", stdin=b"other\n")
    assert done.returncode == 0, done
    assert box.sql("SELECT count(*) FROM people", "other") == "500"
    assert box.changes() == [], "it is as a run would have it"


def test_a_server_whose_changes_can_not_be_followed_is_named(box: Box, url: str) -> None:
    done = box.command("import", "ENV", "note-taker", "--url", "--follow", stdin=url.encode())
    assert done.returncode == 1
    assert b"its wal_level is replica" in done.stderr


def test_a_database_is_followed_until_it_moves(box: Box, place: Target, url: str) -> None:
    def there(sql: str, database: str = "railway") -> str:
        return place.succeed(f"cd /; runuser -u postgres -- psql -XAtqc {shlex.quote(sql)} {database}").strip()

    there("ALTER SYSTEM SET wal_level = logical")
    there("ALTER ROLE railway REPLICATION")
    place.succeed("systemctl restart postgresql")
    bare = box.command("import", "ENV", "note-taker", "--url", "--follow", stdin=url.encode())
    assert (bare.returncode, b'without a primary key it can\'t be followed: public."Odd Name"' in bare.stderr) == (
        1,
        True,
    )
    there('ALTER TABLE "Odd Name" REPLICA IDENTITY FULL')
    done = box.command("import", "ENV", "note-taker", "--url", "--follow", stdin=url.encode())
    assert done.returncode == 0, done
    there(
        "INSERT INTO people (name) SELECT 'later ' || n FROM generate_series(1, 100) n; DELETE FROM people WHERE id = 1"
    )
    placed = box.command("import", "ENV", "note-taker", "--replace", stdin=b"note-taker\n")
    assert placed.returncode == 0, placed
    assert b"600 rows of 2 tables are the same on both sides" in placed.stdout
    assert box.sql("SELECT count(*), max(id) FROM people") == "599|600"
    assert box.sql("SELECT nextval('people_id_seq')") == "601"
    assert there("SELECT (SELECT count(*) FROM pg_replication_slots), (SELECT count(*) FROM pg_publication)") == "0|0"
    assert PASSWORD not in box.target.succeed("journalctl -o export; cat /var/log/postgresql/*")


def test_one_that_is_followed_can_be_forgotten(box: Box, place: Target, url: str) -> None:
    assert box.command("import", "ENV", "other", "--url", "--follow", stdin=url.encode()).returncode == 0
    forgotten = box.command("import", "ENV", "other", "--forget")
    assert forgotten.returncode == 0, forgotten
    assert place.succeed("cd /; runuser -u postgres -- psql -XAtqc 'SELECT * FROM pg_replication_slots'").strip() == ""
    assert box.sql("SELECT datname FROM pg_database WHERE datname ~ 'imported'", "postgres") == ""
