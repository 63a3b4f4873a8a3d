"""Dump: plain SQL as pg_dump writes it, made to fit a database of ours; its rows are counted in passing."""

from __future__ import annotations

import re

WORD = rb'"(?:[^"]|"")+"|[^\s."(]+'
COPY = re.compile(rb"COPY (?P<schema>" + WORD + rb")\.(?P<table>" + WORD + rb") .*FROM stdin;")
LEFT = re.compile(
    rb"\\(un)?restrict |\\connect |GRANT |REVOKE |SET SESSION AUTHORIZATION |SET transaction_timeout "
    rb"|ALTER .* OWNER TO |ALTER DEFAULT PRIVILEGES |CREATE SCHEMA public;|COMMENT ON (EXTENSION|SCHEMA public) "
    rb"|(CREATE|ALTER|DROP) (DATABASE|PUBLICATION|SUBSCRIPTION) |CREATE EVENT TRIGGER "
)
"""Lines about accounts and whole databases, which are those of another server, and what only a newer server knows."""
EXTENSION = re.compile(rb"CREATE EXTENSION ")
QUOTE = re.compile(rb"\$[A-Za-z_0-9]*\$")
END = b"-- PostgreSQL database dump complete"


class Dump:
    """A dump on its way to a database of `owner`, line by line."""

    def __init__(self, owner: str) -> None:
        self.rows: dict[str, int] = {}
        """How many there are of each table, by its name."""
        self.is_whole = False
        self._role = f'SET ROLE "{owner}";\n'.encode()
        self._table = ""
        self._quote = b""

    @property
    def begin(self) -> bytes:
        """What goes first: all that is made belongs to the owner."""
        return self._role

    def line(self, line: bytes) -> bytes:
        """What to send of a line."""
        if self._table:
            if line.rstrip(b"\r\n") == b"\\.":
                self._table = ""
            else:
                self.rows[self._table] += 1
            return line
        if not self._quote:
            if found := COPY.match(line):
                self._table = f"{_name(found['schema'])}.{_name(found['table'])}"
                self.rows.setdefault(self._table, 0)
                return line
            if LEFT.match(line):
                return b""
            if EXTENSION.match(line):
                return b"RESET ROLE;\n" + line + self._role
            self.is_whole = self.is_whole or line.startswith(END)
        for quote in QUOTE.findall(line):  # the body of a function may have lines like those above
            if not self._quote:
                self._quote = quote
            elif quote == self._quote:
                self._quote = b""
        return line


def _name(word: bytes) -> str:
    text = word.decode()
    return text[1:-1].replace('""', '"') if text.startswith('"') else text
