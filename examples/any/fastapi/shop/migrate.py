"""Makes the tables, before a new version takes traffic."""

import os

import psycopg

TABLE = """
CREATE TABLE IF NOT EXISTS orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    item text NOT NULL,
    made timestamptz NOT NULL DEFAULT now()
)"""

with psycopg.connect(os.environ["DATABASE_URL"]) as database:
    database.execute(TABLE)
