"""A target with databases and Redis, and the ways to ask them as an app would."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roles.apps import App, Folder
from roles.databases import login_name
from roles.redis import Redis
from target import own
from target.project import Project

NAME = own("databox")
APPS = ("note-taker", "pair-cam")


@dataclass(frozen=True)
class Data(Project):
    """The box, and a project of its own for its secrets."""

    here = Path(__file__).resolve().parent
    variable = "DATA"

    def password(self, app: str, role: str) -> str:
        return self.store.values()[f"{app}/{role}"].get_secret_value()

    def psql(
        self, app: str, sql: str, database: str = "", password: str = "", host: str = "127.0.0.1", login: str = ""
    ) -> tuple[int, str]:
        """Run SQL with the login of an app: exit code and output."""
        name, kept = app.replace("-", "_"), self.store.entries()[f"{app}/postgres"]
        word = shlex.quote(password or kept.value)
        target = f"'host={host} user={login or login_name(name, kept.turn)} dbname={database or name}'"
        return self.target.execute(f"PGPASSWORD={word} psql -XAtqw {target} -c {shlex.quote(sql)} 2>&1")

    def superuser(self, sql: str) -> str:
        return self.target.succeed(f"cd /; runuser -u postgres -- psql -XAtq -c {shlex.quote(sql)}")

    def found(self, before: str = "") -> Any:
        """What the box says of its PostgreSQL; with statements before it in one session, which is then given up."""
        line = (
            "import json, sys; sys.path.insert(0, '/usr/local/lib/boxkeeper'); from onbox import postgres;"
            f" postgres.STATE = {before!r} + postgres.STATE; print(json.dumps(postgres.observe([None])[0]))"
        )
        return json.loads(self.target.succeed(f"python3 -c {shlex.quote(line)}"))

    def redis(self, app: str, *words: str, user: str = "", password: str = "") -> str:
        """Run a Redis command as an app: what it answers, errors too."""
        name = user or app
        word = shlex.quote(password or self.password(app, "redis"))
        line = f"redis-cli -p {self.port(app)} --user {name} {shlex.join(words)}"
        return self.target.execute(f"REDISCLI_AUTH={word} {line} 2>&1")[1].strip()

    def port(self, app: str) -> int:
        return Redis().port(App(name=app, domain="x.example.com", source=Folder(path=".")))
