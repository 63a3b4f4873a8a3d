"""PostgreSQL's extensions on a real box: installed, in the database of the app that asks, and in no other."""

from __future__ import annotations

import pytest

from roles.extensions import LACKING
from tests.data.box import Data

pytestmark = pytest.mark.target

WANTED = ["vector", "pg_trgm"]
CREATED = "SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension"


def lacks(data: Data) -> bool:
    return data.target.succeed(". /etc/os-release; echo $ID $VERSION_ID").strip() in LACKING["vector"]


@pytest.fixture
def extended(data: Data) -> Data:
    """A box whose pair-cam has its extensions."""
    if lacks(data):
        pytest.skip("this distribution has no pgvector: the run is refused, see the first test")
    data.converge(extensions=WANTED)
    return data


def test_where_there_is_no_package_the_run_is_refused_and_the_box_left_as_it_was(data: Data) -> None:
    done = data.run("-y", extensions=WANTED)
    refused = "has no package of PostgreSQL's extension vector, which the database pair_cam needs" in done.output
    assert (done.code, refused) == ((2, True) if lacks(data) else (0, False)), done.output
    assert data.changes(**({} if refused else {"extensions": WANTED})) == []


def test_the_app_has_them_and_the_others_have_none(extended: Data) -> None:
    assert extended.psql("pair-cam", CREATED) == (0, "pg_trgm plpgsql vector")
    assert extended.psql("note-taker", CREATED) == (0, "plpgsql")


def test_the_app_stores_vectors_and_finds_the_nearest(extended: Data) -> None:
    made = (
        "CREATE TABLE found (name text, place vector(3));"
        " INSERT INTO found VALUES ('near', '[1,0,0]'), ('far', '[0,1,0]');"
        " CREATE INDEX ON found USING hnsw (place vector_cosine_ops);"
    )
    asked = "SELECT name FROM found ORDER BY place <=> '[1,0.1,0]' LIMIT 1; DROP TABLE found"
    assert extended.psql("pair-cam", f"{made} {asked}") == (0, "near")


def test_a_second_run_changes_nothing(extended: Data) -> None:
    assert extended.changes(extensions=WANTED) == []


def test_one_that_was_dropped_is_made_again(extended: Data) -> None:
    extended.target.succeed("cd /; runuser -u postgres -- psql -d pair_cam -c 'DROP EXTENSION vector'")
    assert extended.changes(extensions=WANTED) == ["postgres: extensions"]
    extended.converge(extensions=WANTED)
    assert extended.psql("pair-cam", CREATED) == (0, "pg_trgm plpgsql vector")


def test_a_migration_of_the_app_may_ask_for_it_too(extended: Data) -> None:
    assert extended.psql("pair-cam", "SET client_min_messages = error; CREATE EXTENSION IF NOT EXISTS vector") == (
        0,
        "",
    )
