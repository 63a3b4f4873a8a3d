"""Forgets orders after a year."""

import os

import psycopg

with psycopg.connect(os.environ["DATABASE_URL"]) as database:
    database.execute("DELETE FROM orders WHERE made < now() - interval '1 year'")
