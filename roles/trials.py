"""Trials: what a secret opens on a box, so that a value that is to be refused can be tried there, as its app would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from roles.apps import git
from roles.apps.app import App
from roles.databases import login_name
from roles.redis import KEY, TELLER
from roles.resources import Json

if TYPE_CHECKING:
    from roles.server import Server


def trial(server: Server, name: str, turn: int) -> Json | None:
    """How `onbox/trial.py` tries a value of this secret that has that turn; None for one that the app alone reads.

    `elsewhere` in it is who decides what opens, where that is not the box.
    """
    app, _, kind = name.partition("/")
    opens = TRIALS.get(kind)
    return opens and opens(server, next(one for one in server.apps if one.name == app), turn)


def _postgres(server: Server, app: App, turn: int) -> Json:
    return {"kind": "postgres", "login": login_name(app.database, turn), "database": app.database}


def _redis(server: Server, app: App, turn: int) -> Json:
    assert server.redis
    return {"kind": "redis", "port": server.redis.port(app), "user": app.name}


def _accounts(server: Server, app: App, turn: int) -> Json:
    return {**_redis(server, app, turn), "user": TELLER}


def _chroma(server: Server, app: App, turn: int) -> Json:
    assert server.chroma
    return {"kind": "chroma", "port": server.chroma.port(app)}


def _turn(server: Server, app: App, turn: int) -> Json:
    return {"kind": "turn"}


def _git(server: Server, app: App, turn: int) -> Json:
    assert isinstance(app.source, git.Git)
    return {"kind": "git", "url": app.source.url, "ssh": git.ssh_of(app), "elsewhere": app.source.host}


TRIALS: Mapping[str, Callable[[Server, App, int], Json]] = {
    "postgres": _postgres,
    "redis": _redis,
    KEY: _accounts,
    "chroma": _chroma,
    "turn": _turn,
    git.KEY: _git,
}
"""By a secret's name less its app."""
