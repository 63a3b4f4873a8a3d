"""PostgreSQL's extensions in the databases of apps: which ones there are, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from roles.resources import Json

PACKAGES: Mapping[str, str] = {"vector": "pgvector"}
"""Extensions with a package of their own, named `postgresql-MAJOR-` and this."""
CONTRIB = frozenset(
    "btree_gin btree_gist citext cube earthdistance fuzzystrmatch hstore intarray isn ltree pg_trgm pgcrypto seg "
    "tablefunc unaccent uuid-ossp".split()
)
"""Extensions that come with PostgreSQL itself and give an app types, functions and indexes, and no way out of its
database. https://www.postgresql.org/docs/current/contrib.html"""
KNOWN = frozenset(PACKAGES) | CONTRIB
LACKING: Mapping[str, Sequence[str]] = {"vector": ("debian 12", "ubuntu 22.04")}
"""Distributions whose own archives have no such package."""


@dataclass(frozen=True)
class Extensions:
    """The extensions of every app's database, by database; with the packages that they come in."""

    extensions: Mapping[str, Sequence[str]]
    name: str = "extensions"
    kind: ClassVar[str] = "extensions"

    def query(self) -> Json:
        packages = sorted({PACKAGES[name] for names in self.extensions.values() for name in names if name in PACKAGES})
        return {"databases": sorted(self.extensions), "packages": packages}

    def refuse(self, found: Json) -> Sequence[str]:
        """A package that this distribution lacks, unless it is there all the same: from PostgreSQL's own archive."""
        distro = found["distro"]
        lacking = [name for name in PACKAGES if distro in LACKING[name] and PACKAGES[name] not in found["there"]]
        return [self._refusal(name, distro) for name in lacking if self._wanting(name)]

    def _wanting(self, extension: str) -> list[str]:
        return [database for database, names in self.extensions.items() if extension in names]

    def _refusal(self, extension: str, distro: str) -> str:
        needing = ", ".join(self._wanting(extension))
        archive = "apt-get install postgresql-common && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh"
        return (
            f"{distro} has no package of PostgreSQL's extension {extension}, which the database {needing} needs: take a"
            f" box with Debian 13 or Ubuntu 24.04, or give this one PostgreSQL's own archive: `{archive}`"
        )

    def differences(self, found: Json) -> Sequence[str]:
        return [
            f"database {database}: extension {name} is missing"
            for database, names in self.extensions.items()
            for name in names
            if name not in found["databases"].get(database, [])
        ]

    def payload(self, found: Json) -> Json:
        databases = {database: list(names) for database, names in self.extensions.items()}
        return {"databases": databases, "packages": self.query()["packages"]}
