"""Apps of one box are strangers: each tries, from inside its own unit, what is another's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from roles import ollama
from roles.apps import App
from roles.budget import megabytes
from roles.server import Server
from target.box import Target
from target.run import unit
from tests.neighbours.inside import inside

pytestmark = pytest.mark.target

INTRUDER = (Path(__file__).parent / "intruder.py").read_text()


@pytest.fixture(scope="session")
def found(target: Target, server: Server) -> dict[tuple[str, str], dict[str, str]]:
    """What came of each app's tries, by (who tried, whose it was)."""
    owned = {app.name: belongings(target, server, app) for app in server.apps}
    answers: dict[tuple[str, str], dict[str, str]] = {}
    for app in server.apps:
        tried = inside(target, unit(target, app.name, app.processes[0].name), INTRUDER, owned)
        answers.update({(app.name, owner): came for owner, came in tried.items()})
    return answers


def belongings(target: Target, server: Server, app: App) -> dict[str, list[Any]]:
    """What is an app's own, by the way to try it."""
    assert server.redis is not None
    assert server.chroma is not None
    pids = [
        int(target.succeed(f"systemctl show -P MainPID {unit(target, app.name, each.name)}")) for each in app.processes
    ]
    assert all(pids)
    return {
        "path": [
            f"{app.root}/current/",
            f"{app.root}/builds",
            f"{app.root}/releases",
            f"{app.root}/shared",
            app.env_file,
            f"{app.root}/live/release/environment",
            f"/etc/boxkeeper/redis/{app.name}.acl",
            f"/var/lib/boxkeeper-redis/{app.name}",
            f"/etc/boxkeeper/tls/{app.name}/privkey.pem",
            *(f"/proc/{pid}/environ" for pid in pids),
        ],
        "socket": [
            *(app.socket(each.name) for each in app.processes if each.web),
            *([["127.0.0.1", ollama.PORT]] if "ollama" in app.needs else []),
        ],
        "signal": pids,
        "database": [app.database] if "postgres" in app.needs else [],
        "redis": [server.redis.port(app)] if "redis" in app.needs else [],
        "chroma": [server.chroma.port(app)] if "chroma" in app.needs else [],
    }


def test_none_gets_at_anything_of_another(found: dict[tuple[str, str], dict[str, str]]) -> None:
    strangers = {pair: came for pair, came in found.items() if pair[0] != pair[1]}
    assert strangers
    assert {(*pair, what): how for pair, came in strangers.items() for what, how in came.items() if "open" in how} == {}


def test_each_gets_at_its_own(found: dict[tuple[str, str], dict[str, str]], server: Server) -> None:
    """Else the test above could not fail."""
    for app in server.apps:
        own = found[app.name, app.name]
        kinds = {what.split()[0] for what, how in own.items() if how.startswith("open")}
        wanted = {"path", "socket", "signal"} | {{"postgres": "database"}.get(need, need) for need in app.needs}
        assert kinds >= wanted & {"path", "socket", "signal", "database", "redis", "chroma"}, own


def test_each_has_a_limit_of_memory_and_a_share_of_the_cpus(target: Target, server: Server) -> None:
    for app in server.apps:
        for process in app.processes:
            service = unit(target, app.name, process.name)
            assert int(shown(target, service, "MemoryMax")) == megabytes(process.memory) << 20
            assert shown(target, service, "TasksMax") == "512"
            assert shown(target, service, "Slice") == app.slice
        assert shown(target, app.slice, "CPUWeight") == "100"


def shown(target: Target, named: str, name: str) -> str:
    return target.succeed(f"systemctl show -P {name} {named}").strip()
