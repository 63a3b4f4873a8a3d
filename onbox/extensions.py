"""PostgreSQL's extensions: which ones a database has, and the packages that they come in."""

from __future__ import annotations

import os
import re
from typing import Any

from onbox import machine, packages, postgres
from onbox.shell import Failed

Json = Any


def observe(queries: list[Json]) -> list[Json]:
    return [_found(query) for query in queries]


def _found(query: Json) -> Json:
    clusters = postgres.clusters()
    major = clusters[0].major if len(clusters) == 1 else r"\d+"
    return {
        "distro": machine.distro(),
        "there": [name for name in query["packages"] if _there(rf"postgresql-{major}-{re.escape(name)}")],
        "databases": {name: _extensions(clusters, name) for name in query["databases"]},
    }


def _extensions(clusters: list[postgres.Cluster], database: str) -> list[str]:
    """Those of a database; none where it is not there or does not answer."""
    try:
        return clusters[0].ask("SELECT extname FROM pg_extension ORDER BY 1;\n", database=database).split()
    except (Failed, IndexError):
        return []


def _there(package: str) -> bool:
    """Whether a package (a pattern) is installed, or in a list of what can be."""
    lists = [os.path.join(packages.LISTS, name) for name in _names(packages.LISTS) if name.endswith("_Packages")]
    pattern = re.compile(rf"^Package: {package}$", re.MULTILINE)
    return any(pattern.search(_text(path)) for path in [packages.STATUS, *lists])


def _names(folder: str) -> list[str]:
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def apply(payload: Json) -> None:
    """Install the packages and make the extensions. It can be cut off anywhere and run again."""
    cluster = postgres.only(postgres.clusters())
    if payload["packages"]:
        names = [f"postgresql-{cluster.major}-{name}" for name in payload["packages"]]
        packages.apply({"install": names, "remove": []})
    for database, extensions in payload["databases"].items():
        sql = "".join(f'CREATE EXTENSION IF NOT EXISTS "{name}" SCHEMA public CASCADE;\n' for name in extensions)
        cluster.ask("SET client_min_messages = 'warning';\n" + sql, timeout=300, database=database)
