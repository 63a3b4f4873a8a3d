"""A target with ChromaDB for two apps, and the ways to ask it as an app would."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roles.apps import App, Folder
from roles.chroma import Chroma
from target import own
from target.box import Target
from target.project import Project

NAME = os.environ.get("BOXKEEPER_CHROMA_TARGET", own("chromabox"))
BASE = "/api/v2/tenants/default_tenant/databases/default_database/collections"

ASK = """
import json, sys, urllib.error, urllib.request
method, url, token, body = json.loads(sys.stdin.read())
headers = {"Content-Type": "application/json", **({"X-Chroma-Token": token} if token else {})}
request = urllib.request.Request(url, json.dumps(body).encode() if body is not None else None, headers, method=method)
try:
    with urllib.request.urlopen(request, timeout=20) as answer:
        print(json.dumps([answer.status, json.loads(answer.read() or b"null")]))
except urllib.error.HTTPError as error:
    print(json.dumps([error.code, json.loads(error.read() or b"null")]))
except OSError as error:
    print(json.dumps([0, str(error)]))
"""


@dataclass(frozen=True)
class Box(Project):
    """The box, and a project of its own for its secrets."""

    here = Path(__file__).resolve().parent
    variable = "CHROMA"

    def token(self, app: str) -> str:
        return self.store.values()[f"{app}/chroma"].get_secret_value()

    def port(self, app: str) -> int:
        return Chroma().port(App(name=app, domain="x.example.com", source=Folder(path=".")))

    def ask(self, app: str, method: str, path: str, body: Any = None, **more: str) -> tuple[int, Any]:
        """A request of an app to its Chroma: status (0 where nothing listens) and answer."""
        token = more.get("token", self.token(app))
        url = f"http://{more.get('host', '127.0.0.1')}:{self.port(app)}{path}"
        return ask(self.target, method, url, token, body, user=more.get("user", "nobody"))


def ask(target: Target, method: str, url: str, token: str, body: Any = None, user: str = "nobody") -> tuple[int, Any]:
    """A request on the box, as some account of it."""
    sent = base64.b64encode(json.dumps([method, url, token, body]).encode()).decode()
    program = base64.b64encode(ASK.encode()).decode()
    line = f'echo {sent} | base64 -d | runuser -u {user} -- python3 -I -c "$(echo {program} | base64 -d)"'
    status, answer = json.loads(target.succeed(line))
    return status, answer
