"""Flavor Monk on a box: what its clients ask, and how long the first word takes."""

from __future__ import annotations

import functools
import json
import ssl
import time
from dataclasses import dataclass
from typing import Any

import httpx

from target.box import Target
from target.run import unit

NAME = "flavor-monk"
PARTS = {
    "database": ("postgresql.service", "postgresql@*.service"),
    "redis": (f"boxkeeper-redis@{NAME}.service",),
    "chroma": (f"boxkeeper-chroma@{NAME}.socket", f"boxkeeper-chroma@{NAME}.service"),
    "ollama": ("boxkeeper-ollama.service",),
}
"""What the app stands on, by the word of its health, with the units that are it."""


@functools.cache
def certificate(target: Target) -> str:
    """Of the site."""
    pem = target.succeed(f"cat /etc/boxkeeper/tls/{NAME}/fullchain.pem")
    assert pem  # without one, Python would trust the machine's authorities instead
    return pem


@dataclass(frozen=True)
class Heard:
    """A streamed answer: its text, and when its first and last words came, in seconds."""

    text: str
    first: float
    last: float
    pieces: int
    cached: bool


@dataclass(frozen=True)
class Monk:
    """The site on a target, as its clients reach it: over TLS, through nginx."""

    target: Target
    domain: str

    def client(self) -> httpx.Client:
        """Trusts exactly the certificate that the box made for the site."""
        return httpx.Client(verify=ssl.create_default_context(cadata=certificate(self.target)), http2=True, timeout=60)

    def request(self, client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Request:
        url = f"https://127.0.0.1:{self.target.port(443)}{path}"
        request = client.build_request(method, url, headers={"Host": self.domain}, **more)
        request.extensions["sni_hostname"] = self.domain
        return request

    def ask(self, path: str, method: str = "GET", **more: Any) -> httpx.Response:
        with self.client() as client:
            return client.send(self.request(client, method, path, **more))

    def health(self) -> dict[str, Any]:
        answer = self.ask("/api/health")
        said = dict(answer.json())
        assert (answer.status_code == 200) is (said["status"] == "healthy"), answer.text
        return said

    def cook(self, wish: str, words: int = 0) -> Heard:
        """Have a recipe written; hang up after so many pieces, where a number is given."""
        with self.client() as client:
            request = self.request(client, "POST", "/api/cook", json={"wish": wish})
            pieces: list[bytes] = []
            times: list[float] = []
            started, answer = self.patiently(client, request)
            assert answer.status_code == 200, answer.read()
            for piece in answer.iter_bytes():
                pieces.append(piece)
                times.append(time.monotonic() - started)
                if words and len(pieces) >= words:
                    break
            answer.close()
        text = b"".join(pieces).decode()
        return Heard(text, times[0], times[-1], len(pieces), answer.headers["x-cache"] == "hit")

    def patiently(self, client: httpx.Client, request: httpx.Request) -> tuple[float, httpx.Response]:
        """When it was asked, and the answer. The route takes ten wishes a minute; other tests may have used them up."""
        while True:
            started = time.monotonic()
            answer = client.send(request, stream=True)
            if answer.status_code != 429:
                return started, answer
            answer.close()
            time.sleep(6)

    def search(self, words: str) -> dict[str, Any]:
        return dict(self.ask(f"/api/recipes/search?q={words.replace(' ', '%20')}").json())

    def count(self) -> int:
        sql = "SELECT count(*) FROM recipes"
        return int(self.target.succeed(f"cd /; runuser -u postgres -- psql -XAtqc '{sql}' flavor_monk"))

    def environment(self) -> dict[str, str]:
        """The variables of the process that runs, from the box itself."""
        pid = self.target.succeed(f"systemctl show -P MainPID {unit(self.target, NAME)}")
        read = f"open('/proc/{pid}/environ', errors='replace').read()"
        said = self.target.succeed(f'python3 -c "import json; print(json.dumps({read}))"')
        return dict(line.partition("=")[::2] for line in json.loads(said).split("\0") if line)
