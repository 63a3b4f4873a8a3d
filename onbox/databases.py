"""Databases and roles of the apps."""

from __future__ import annotations

import hashlib
from typing import Any

from onbox import postgres

Json = Any

# Hashing what is stored keeps the verifier itself out of every log. `good` are the promises, one word each.
_LOOK = """
SELECT coalesce(json_object_agg(d.datname, json_build_object(
    'verifier', (SELECT rolpassword FROM pg_authid WHERE rolname = d.datname || '_a'),
    'good', json_build_object(
        'owner', owner.rolname = d.datname AND NOT owner.rolcanlogin AND NOT owner.rolsuper,
        'login', coalesce((SELECT l.rolcanlogin AND NOT l.rolsuper AND NOT l.rolcreatedb AND NOT l.rolcreaterole
            AND NOT l.rolreplication AND NOT l.rolbypassrls AND pg_has_role(l.oid, owner.oid, 'MEMBER')
            FROM pg_authid l WHERE l.rolname = d.datname || '_a'), false),
        'privacy', NOT has_database_privilege('public', d.oid, 'CONNECT')
    ))), '{}')
FROM pg_database d JOIN pg_authid owner ON owner.oid = d.datdba WHERE NOT d.datistemplate AND d.datname <> 'postgres';
"""


def observe(queries: list[list[Json]]) -> list[Json]:
    found = (postgres.ask(_LOOK) if postgres.version() else None) or {}
    for entry in found.values():
        entry["verifier"] = hashlib.sha256((entry["verifier"] or "").encode()).hexdigest()
    return [[found.get(database["name"]) for database in databases] for databases in queries]


def apply(payload: list[Json]) -> None:
    postgres.wait()
    for database in payload:
        postgres.sql(_roles(database))
        if postgres.sql(f"SELECT 1 FROM pg_database WHERE datname = {_text(database['name'])}").strip() != "1":
            # CREATE DATABASE can't run in a transaction; it is whole or not there by itself
            postgres.sql(f"CREATE DATABASE {_name(database['name'])} OWNER {_name(database['owner'])}")
        postgres.sql(_privileges(database))
        postgres.sql(_schema(database), database["name"])


def _roles(database: Json) -> str:
    owner, login = database["owner"], database["login"]
    return f"""
BEGIN;
SET LOCAL log_statement = 'none';
{_create(owner)}
ALTER ROLE {_name(owner)} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
{_create(login)}
ALTER ROLE {_name(login)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD {_text(database["verifier"])};
GRANT {_name(owner)} TO {_name(login)};
ALTER ROLE {_name(login)} SET role TO {_text(owner)};
ALTER ROLE {_name(login)} SET idle_in_transaction_session_timeout TO '5min';
COMMIT;
"""


def _create(role: str) -> str:
    known = f"SELECT FROM pg_roles WHERE rolname = {_text(role)}"
    return f"DO $$ BEGIN IF NOT EXISTS ({known}) THEN CREATE ROLE {_name(role)}; END IF; END $$;"


def _privileges(database: Json) -> str:
    name, owner = _name(database["name"]), _name(database["owner"])
    return f"ALTER DATABASE {name} OWNER TO {owner}; REVOKE ALL ON DATABASE {name} FROM PUBLIC;"


def _schema(database: Json) -> str:
    owner = _name(database["owner"])
    return f"REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT USAGE, CREATE ON SCHEMA public TO {owner};"


def _name(identifier: str) -> str:
    escaped = identifier.replace('"', '""')
    return f'"{escaped}"'


def _text(literal: str) -> str:
    escaped = literal.replace("'", "''")
    return f"'{escaped}'"
