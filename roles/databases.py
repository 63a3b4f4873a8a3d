"""The roles and databases of apps: each app owns its database and reaches no other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import SecretStr

from roles import scram, tuning
from roles.resources import Json

SHARED = ("postgres", "template1")
"""Databases that every PostgreSQL has and that anybody may connect to unless told otherwise."""


@dataclass(frozen=True)
class Login:
    """A role that may log in, with one password for all its life."""

    name: str
    password: SecretStr

    @property
    def verifier(self) -> str:
        return scram.verifier(self.password.get_secret_value(), self.name)


def login_name(database: str, turn: int) -> str:
    """What the login of a password is called: of two that overlap, each has a name of its own."""
    return f"{database}_{'ab'[turn % 2]}"


@dataclass(frozen=True)
class Database:
    """A database, the role of the same name that owns everything in it, and the logins that act as that role.

    The owner can't log in. So a password is changed by a second login beside the first, and nothing changes hands.
    """

    name: str
    logins: Sequence[Login]

    @property
    def closed(self) -> list[str]:
        """Names of logins that nobody may use, should the box have them: of a password that has been replaced."""
        return sorted({login_name(self.name, turn) for turn in (0, 1)} - {login.name for login in self.logins})

    @property
    def settings(self) -> list[str]:
        """Of its login. A migration that takes longer says `SET statement_timeout = 0`."""
        return [f"role={self.name}", "statement_timeout=5min", "idle_in_transaction_session_timeout=1min"]


@dataclass(frozen=True)
class Databases:
    databases: Sequence[Database]
    name: str = "databases"
    kind: ClassVar[str] = "postgres"

    def query(self) -> Json:
        return None

    def differences(self, found: Json) -> Sequence[str]:
        server = found["server"]
        if server is None:
            return ["PostgreSQL does not answer"]
        open_to_all = [name for name in SHARED if "PUBLIC" in server["databases"].get(name, {"others": []})["others"]]
        faults = [f"database {name}: anybody may connect" for name in open_to_all]
        for database in self.databases:
            faults += self._owner(database, server)
            faults += [fault for login in database.logins for fault in self._login(database, login, found)]
            faults += self._closed(database, server) + self._database(database, server)
        return faults

    def _owner(self, database: Database, server: Json) -> list[str]:
        was = server["roles"].get(database.name)
        if was is None:
            return [f"role {database.name}: is missing"]
        fine = not was["login"] and not was["powers"] and not was["groups"] and not was["settings"]
        return [] if fine else [f"role {database.name}: may do more than own a database"]

    def _login(self, database: Database, login: Login, found: Json) -> list[str]:
        was = found["server"]["roles"].get(login.name)
        if was is None:
            return [f"role {login.name}: is missing"]
        rules = {
            "password": was["password"] == hashlib.sha256(login.verifier.encode()).hexdigest(),
            "settings": was["settings"] == database.settings,
            "connections": was["limit"] == self._limit(found),
            "rights": was["login"] and was["inherit"] and not was["powers"] and was["groups"] == [database.name],
        }
        wrong = [rule for rule, fine in rules.items() if not fine]
        return [f"role {login.name}: {', '.join(wrong)}"] if wrong else []

    def _closed(self, database: Database, server: Json) -> list[str]:
        there = {name: server["roles"][name] for name in database.closed if name in server["roles"]}
        return [f"role {name}: may still log in" for name, was in there.items() if was["login"] or was["password"]]

    def _database(self, database: Database, server: Json) -> list[str]:
        was = server["databases"].get(database.name)
        if was is None:
            return [f"database {database.name}: is missing"]
        if was["owner"] != database.name:
            return [f"database {database.name}: belongs to {was['owner']}"]
        others = ", ".join(was["others"])
        return [f"database {database.name}: open to {others}"] if others else []

    def _limit(self, found: Json) -> int:
        return tuning.limit(found["ram_mb"], len(self.databases))

    def payload(self, found: Json) -> Json:
        """The statements. They can be cut off anywhere and run again."""
        parts = [QUIET, *(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC;" for name in SHARED)]
        for database in self.databases:
            parts += [_create(database), _owner(database)]
            parts += [_login(database, login, self._limit(found)) for login in database.logins]
            parts += [_close(name) for name in database.closed]
        for database in self.databases:
            parts.append(_database(database))
        return {"sql": "\n".join(parts) + "\n"}


# Verifiers would otherwise be in the log when a statement fails or is slow.
QUIET = (
    "SET log_statement = 'none'; SET log_min_error_statement = 'panic'; SET log_min_duration_statement = -1;"
    " SET client_min_messages = 'warning';"
)
PLAIN = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


def _create(database: Database) -> str:
    """Make roles that are missing: there is no CREATE ROLE IF NOT EXISTS."""
    return "\n".join(
        f"SELECT 'CREATE ROLE {_name(role)}' WHERE to_regrole({_text(_name(role))}) IS NULL \\gexec"
        for role in (database.name, *(login.name for login in database.logins))
    )


def _owner(database: Database) -> str:
    owner = _name(database.name)
    return (
        f"{_strip(database.name, '')}\nALTER ROLE {owner} NOLOGIN {PLAIN} PASSWORD NULL; ALTER ROLE {owner} RESET ALL;"
    )


def _login(database: Database, wanted: Login, limit: int) -> str:
    login, owner = _name(wanted.name), _name(database.name)
    settings = "".join(
        f" ALTER ROLE {login} SET {setting} TO {_text(value)};"
        for setting, _, value in (line.partition("=") for line in database.settings)
    )
    return (
        f"{_strip(wanted.name, database.name)}\n"
        f"BEGIN; GRANT {owner} TO {login};"
        f" ALTER ROLE {login} LOGIN INHERIT {PLAIN} CONNECTION LIMIT {limit} PASSWORD {_text(wanted.verifier)};"
        f" ALTER ROLE {login} RESET ALL;{settings} COMMIT;"
    )


def _close(login: str) -> str:
    """Let a login in no more, and end what it still has open. It stays: something may belong to it after all."""
    return (
        f"SELECT 'ALTER ROLE {_name(login)} NOLOGIN PASSWORD NULL' WHERE to_regrole({_text(_name(login))}) IS NOT NULL"
        f" \\gexec\nSELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = {_text(login)};"
    )


def _strip(role: str, keep: str) -> str:
    """Take a role out of every role but one."""
    return (
        f"SELECT format('REVOKE %I FROM {_name(role)}', pg_get_userbyid(roleid)) FROM pg_auth_members"
        f" WHERE member = {_text(role)}::regrole AND pg_get_userbyid(roleid) <> {_text(keep)} \\gexec"
    )


def _database(database: Database) -> str:
    """Make the database. Connecting is taken from PUBLIC last: until then, it is seen that this was not finished."""
    name = _name(database.name)
    create = f"CREATE DATABASE {name} OWNER {name} TEMPLATE template0 ENCODING UTF8 LOCALE ''C.UTF-8''"
    return (
        f"SELECT '{create}' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = {_text(database.name)}) \\gexec\n"
        f"ALTER DATABASE {name} OWNER TO {name};\n"
        f"\\connect {name}\n{QUIET}\n"
        # PostgreSQL 14 lets everybody create in `public` and gives it to the superuser; later ones do as here
        "ALTER SCHEMA public OWNER TO pg_database_owner; REVOKE ALL ON SCHEMA public FROM PUBLIC;\n"
        f"\\connect postgres\n{QUIET}\n"
        f"SELECT format('REVOKE ALL ON DATABASE {name} FROM %s', CASE grantee WHEN 0 THEN 'PUBLIC'"
        " ELSE quote_ident(pg_get_userbyid(grantee)) END) FROM pg_database, aclexplode(coalesce(datacl,"
        f" acldefault('d', datdba))) WHERE datname = {_text(database.name)} AND grantee <> datdba GROUP BY 1 \\gexec"
    )


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
