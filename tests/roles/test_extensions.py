"""PostgreSQL's extensions, as far as no box is needed. The rest is in tests/data/test_extensions.py."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from roles import extensions, postgres
from roles.apps import App, Folder
from roles.extensions import Extensions
from roles.postgres import Postgres
from roles.rotation import supplied
from roles.server import Server


class Rodeo(App):
    title = "Rodeo"
    needs = frozenset({"postgres"})
    extensions: ClassVar[tuple[str, ...]] = ("vector", "pg_trgm")


def app(kind: type[App] = Rodeo) -> App:
    return kind(name="rodeo-ai", domain="rodeo.example.com", source=Folder(path="."))


WANTED = Extensions({"rodeo_ai": ("vector", "pg_trgm")})


def found(distro: str = "debian 13", there: tuple[str, ...] = ("pgvector",), **databases: list[str]) -> dict[str, Any]:
    return {"distro": distro, "there": list(there), "databases": databases}


def test_an_app_gets_its_extensions_after_its_database() -> None:
    server = Server(host="192.0.2.1", postgres=Postgres(), apps=(app(),))
    server._kept["rodeo-ai/postgres"] = supplied("x" * 40)
    names = [resource.name for resource in postgres.wanted(server)]
    assert names.index("databases") < names.index("extensions")


def test_a_box_without_extensions_is_not_asked_for_any() -> None:
    class Plain(Rodeo):
        extensions: ClassVar[tuple[str, ...]] = ()

    server = Server(host="192.0.2.1", postgres=Postgres(), apps=(app(Plain),))
    server._kept["rodeo-ai/postgres"] = supplied("x" * 40)
    assert "extensions" not in [resource.name for resource in postgres.wanted(server)]


def test_an_extension_that_is_missing_is_a_difference() -> None:
    assert WANTED.differences(found(rodeo_ai=["pg_trgm", "plpgsql", "vector"])) == []
    assert WANTED.differences(found(rodeo_ai=["plpgsql", "vector"])) == [
        "database rodeo_ai: extension pg_trgm is missing"
    ]
    assert len(WANTED.differences(found())) == 2


def test_only_packages_that_are_needed_are_installed() -> None:
    assert WANTED.payload(found())["packages"] == ["pgvector"]
    assert Extensions({"rodeo_ai": ("citext",)}).payload(found())["packages"] == []


@pytest.mark.parametrize("distro", ["debian 12", "ubuntu 22.04"])
def test_a_distribution_without_the_package_is_refused_and_told_what_to_do(distro: str) -> None:
    (said,) = WANTED.refuse(found(distro, there=()))
    assert said.startswith(
        f"{distro} has no package of PostgreSQL's extension vector, which the database rodeo_ai needs"
    )
    assert "take a box with Debian 13 or Ubuntu 24.04" in said
    assert "apt.postgresql.org.sh" in said


def test_the_package_from_elsewhere_is_as_good() -> None:
    assert WANTED.refuse(found("debian 12", there=("pgvector",))) == []


def test_what_comes_with_postgresql_itself_is_refused_nowhere() -> None:
    plain = Extensions({"rodeo_ai": ("pg_trgm",)})
    assert plain.refuse(found("debian 12", there=())) == []
    assert WANTED.refuse(found("debian 13", there=())) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pgtrgm", "rodeo-ai: unknown extension of PostgreSQL 'pgtrgm'; did you mean `pg_trgm`?"),
        ("vector; DROP", "rodeo-ai: unknown extension of PostgreSQL 'vector; DROP'; did you mean `vector`?"),
        ("plpython3u", f"unknown extension of PostgreSQL 'plpython3u'; known: {', '.join(sorted(extensions.KNOWN))}"),
    ],
)
def test_an_unknown_extension_is_a_clash(name: str, said: str) -> None:
    class Odd(Rodeo):
        extensions: ClassVar[tuple[str, ...]] = (name,)

    (fault,) = Postgres().clashes([app(Odd)])
    assert said in fault


def test_extensions_without_a_database_are_a_clash() -> None:
    class Odd(Rodeo):
        needs = frozenset({"redis"})

    (fault,) = Postgres().clashes([app(Odd)])
    assert 'add "postgres" to its `needs`' in fault
