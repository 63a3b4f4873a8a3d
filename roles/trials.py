"""Trials: what a secret opens on a box, so that a value that is to be refused can be tried there, as its app would."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from roles.apps import git
from roles.apps.app import App
from roles.backups import KEY as KEY_OF_FILES
from roles.backups import SSH_KEY, Backups, places
from roles.databases import login_name
from roles.offsite import Sftp
from roles.redis import KEY, TELLER
from roles.resources import Json

if TYPE_CHECKING:
    from roles.server import Server


def trials(server: Server, name: str, turn: int) -> list[Json]:
    """How `onbox/trial.py` tries a value of this secret that has that turn; none for one that the app alone reads.

    `elsewhere` in one is who decides what opens, where that is not the box, and `use` what the key is for there.
    """
    owner, _, kind = name.partition("/")
    if name in BACKUPS:
        assert server.backups
        return list(BACKUPS[name](server.backups))
    opens = TRIALS.get(kind)
    return [opens(server, next(app for app in server.apps if app.name == owner), turn)] if opens else []


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
    return {
        "kind": "git",
        "url": app.source.url,
        "ssh": git.ssh_of(app),
        "elsewhere": app.source.host,
        "use": "for reading",
    }


TRIALS: Mapping[str, Callable[[Server, App, int], Json]] = {
    "postgres": _postgres,
    "redis": _redis,
    KEY: _accounts,
    "chroma": _chroma,
    "turn": _turn,
    git.KEY: _git,
}
"""By a secret's name less its app."""


def _repositories(of: Backups) -> Iterator[Json]:
    return ({"kind": "restic", "place": place} for place in places(of))


def _sftp(of: Backups) -> Iterator[Json]:
    assert isinstance(of.offsite, Sftp)
    yield {"kind": "sftp", "ssh": of.offsite.ssh("{key}"), "elsewhere": of.offsite.host, "use": "for these backups"}


BACKUPS: Mapping[str, Callable[[Backups], Iterator[Json]]] = {KEY_OF_FILES: _repositories, SSH_KEY: _sftp}
"""The same of what the backups are closed by, and sent with."""
