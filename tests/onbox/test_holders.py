"""Who still has a value: found in what processes were started with, and among the sessions of a login."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from onbox import holders, postgres, records

VALUE, ANOTHER = "canary/of+holders", "canary/that/nobody+has"


@pytest.fixture(autouse=True)
def apps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(records, "APPS", str(tmp_path))
    return tmp_path


@pytest.fixture
def unit(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(holders, "_unit", lambda pid: "app-web@1.service")
    return "app-web@1.service"


@pytest.fixture(params=[VALUE, "canary%2Fof%2Bholders"])
def process(request: pytest.FixtureRequest) -> Iterator[int]:
    """A process with the value in its environment: as it is, or in a URL."""
    started = subprocess.Popen(["sleep", "60"], env={"DATABASE_URL": f"postgresql://a:{request.param}@127.0.0.1/b"})
    yield started.pid
    started.kill()
    started.wait()


def asked(value: str = VALUE, login: str | None = None, *variables: str) -> list[dict[str, object]]:
    return holders.observe([{"value": value, "variables": variables, "login": login}])[0]


def test_a_process_that_was_started_with_it_has_it(process: int, unit: str) -> None:
    assert asked() == [{"who": unit, "connections": None, "seconds": None}]
    assert asked(ANOTHER) == []


def test_a_version_that_serves_what_is_still_open_says_how_long(process: int, unit: str, apps: Path) -> None:
    (apps / "app/slots/1").mkdir(parents=True)
    (apps / "app/releases/one/units").mkdir(parents=True)
    (apps / "app/releases/one/units/app-web@.service").touch()
    (apps / "app/slots/1/release").symlink_to("../../releases/one")
    (apps / "app/slots/1/draining").write_text(str(time.time() + 600))
    (found,) = asked()
    assert (found["who"], found["connections"]) == (unit, 0)
    assert 590 < float(str(found["seconds"])) <= 600


def test_a_session_of_the_login_that_it_belongs_to_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "sessions", lambda login: int(login == "app_a"))
    assert [found["who"] for found in asked(ANOTHER, "app_a")] == ["sessions of app_a in Postgres"]
    assert asked(ANOTHER, "app_b") == []


def test_a_key_is_looked_for_in_its_own_variables_another_one_may_be_the_same_word(unit: str) -> None:
    started = subprocess.Popen(["sleep", "60"], env={"KEY_PREVIOUS": VALUE, "OTHER": VALUE})
    try:
        found = {name: asked(VALUE, None, name) != [] for name in ("KEY", "KEY_PREVIOUS", "OTHER", "PREVIOUS")}
    finally:
        started.kill()
        started.wait()
    assert found == {"KEY": False, "KEY_PREVIOUS": True, "OTHER": True, "PREVIOUS": False}
