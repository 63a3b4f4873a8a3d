"""A box as `boxkeeper secrets rotate` sees it: what it accepts, what its apps use, and who still has an old value."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from commands.converge import Outcome
from roles.secrets import Store
from roles.server import Server

INVENTORY = """
from roles.apps import App, Folder, Git, Process, Python
from roles.backups import Backups
from roles.postgres import Postgres
from roles.redis import Redis
from roles.server import Server, group

class Shop(App):
    title = "Shop"
    runtime = Python()
    needs = frozenset({"postgres", "redis"})
    secrets = ("STRIPE_KEY",)
    generated = ("SESSION_KEY", "JWT_SECRET")
    overlapping = {"JWT_SECRET": 7}
    processes = (Process("web", "uvicorn main:app --fd 3"),)

class Site(App):
    title = "Site"

class Private(App):
    title = "Private"

prod = group(Server(host="192.0.2.1", postgres=Postgres(), redis=Redis(), backups=Backups(), apps=(
    Shop(name="shop", domain="shop.example.com", source=Folder(path=".")),
    Site(name="site", domain="site.example.com", source=Folder(path=".")),
    Private(name="private", domain="private.example.com", source=Git(url="git@github.com:you/private.git")),
)))
"""
GENERATED = (
    *("shop/SESSION_KEY", "shop/JWT_SECRET", "shop/postgres", "shop/redis", "shop/redis-accounts"),
    "backups/key",
)
LASTING = "backups/postgres_key"
DEPLOY = "private/deploy_key"
OPENING = ("shop/postgres", "shop/redis", "shop/redis-accounts", "backups/key")


class Killed(BaseException):
    """What the command is that was killed: nothing of it goes on."""


class Clock:
    """Time, which passes while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Box:
    """What a box accepts, what its apps use, and who still has something open with a value of before."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.accepts: dict[str, tuple[str, ...]] = {}
        self.uses: dict[str, str] = {}
        self.signed: str | None = None  # the value of before that an app is given too, for what it has signed
        self.held: dict[str, list[Any]] = {}  # by value
        self.deaf = False  # accepts whatever it has ever accepted
        self.added: list[str] = []  # the deploy keys that the repository takes
        self.runs: list[list[str]] = []
        self.sought: list[list[str]] = []  # the variables in which a value was looked for
        self.lives: int | None = None
        self.clock = Clock()

    def live(self) -> None:
        """One more step; with the last of its lives the command is killed."""
        assert all(value in self.accepts[name] for name, value in self.uses.items() if name in OPENING)
        if self.lives is not None:
            self.lives -= 1
            if self.lives < 0:
                raise Killed

    def converge(self, inventory: str, deploy: str, *options: str) -> Outcome:
        assert deploy == "deploys/rotate.py"
        self.runs.append(list(options))
        wanted = Store(self.store.path).entries()
        self.live()
        for name, kept in wanted.items():
            self.accepts[name] = tuple({*(self.accepts.get(name, ()) if self.deaf else ()), *kept.accepted})
        self.live()
        self.uses = {name: kept.value for name, kept in wanted.items()}
        self.signed = wanted["shop/JWT_SECRET"].previous
        self.live()
        return Outcome(0, 1)

    @contextlib.contextmanager
    def logged_in(self, server: Server) -> Iterator[Box]:
        yield self

    def ask_in_private(self, kind: str, queries: list[Any]) -> list[Any]:
        if kind == "holders":
            self.sought += [query["variables"] for query in queries]
            return [self._holders(query) for query in queries]
        return [self._refusal(query) for query in queries]

    def _refusal(self, query: Any) -> str:
        if query["kind"] == "git":
            return "" if query["value"] in self.added else "Permission denied"
        return "" if any(query["value"] in known for known in self.accepts.values()) else "no"

    def _holders(self, query: Any) -> list[Any]:
        given = query["value"] == self.signed and "JWT_SECRET_PREVIOUS" in query["variables"]
        live = [{"who": "shop-web@2.service", "connections": None, "seconds": None}] if given else []
        return [*self.held.get(query["value"], []), *live]
