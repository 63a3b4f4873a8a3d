"""RodeoAI on a box, as a visitor and as its owner see it."""

from __future__ import annotations

import hashlib
import hmac
import json
import shlex
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from commands.demo import FIVE
from roles import ROOT
from roles.secrets import Store
from target.box import Target
from target.run import unit

NAME = "rodeo-ai"


def png(seed: str) -> bytes:
    """A real picture of 8 by 8 pixels, another one for each seed."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    row = hashlib.sha256(seed.encode()).digest()[:24]
    header = (8).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    pixels = zlib.compress(b"".join(b"\0" + row for _ in range(8)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@dataclass(frozen=True)
class Rodeo:
    """The app at its domain, and the box that it is on."""

    target: Target
    domain: str = "rodeo.localhost"

    def client(self) -> httpx.Client:
        """A visitor, with cookies of its own. The demo's certificate is nobody's."""
        base = f"https://127.0.0.1:{self.target.port(443)}"
        return httpx.Client(base_url=base, verify=False, timeout=30, headers={"Host": self.domain})

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request of a visitor."""
        with self.client() as client:
            return client.request(method, path, extensions={"sni_hostname": self.domain}, **more)

    def health(self) -> dict[str, str]:
        found: dict[str, str] = self.ask("GET", "/api/health").json()
        return found

    def search(self, words: str) -> dict[str, Any]:
        """What is found; an address that has searched too much waits for its next minute."""
        deadline = time.monotonic() + 65
        while (answer := self.ask("POST", "/api/search", json={"words": words})).status_code == 429:
            assert time.monotonic() < deadline
            time.sleep(2)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def upload(self, content: bytes) -> dict[str, Any]:
        answer = self.ask("POST", "/api/images", files={"file": ("hat.png", content, "image/png")})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def scrape(self, source: str, pages: int, pace: float) -> str:
        """Start a job; its id."""
        answer = self.ask("POST", "/api/scrapes", json={"source": source, "pages": pages, "pace": pace})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def job(self, job: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"/api/scrapes/{job}").json()
        return found

    def wait(self, job: str, done: int) -> dict[str, Any]:
        """The job once it has read that many pages. Raises AssertionError when it has not after a minute."""
        return self._once(lambda found: bool(found["done"] >= done), job)

    def end(self, job: str) -> dict[str, Any]:
        """The job once it has ended. Raises AssertionError when it has not after a minute."""
        return self._once(lambda found: bool(found["state"] == "done"), job)

    def _once(self, so: Callable[[dict[str, Any]], bool], job: str) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while not so(found := self.job(job)):
            assert time.monotonic() < deadline, found
            time.sleep(0.2)
        return found

    def pid(self, process: str) -> str:
        return self.target.succeed(f"systemctl show -P MainPID {unit(self.target, NAME, process)}").strip()

    def environment(self) -> dict[str, str]:
        """What the app's processes are told, from one of them."""
        lines = self.target.succeed(f"tr '\\0' '\\n' </proc/{self.pid('web')}/environ").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def run(self, command: str) -> tuple[int, str]:
        """A command of the app's own programs, with its account, environment and code."""
        options = {
            "User": NAME,
            "EnvironmentFile": f"/etc/boxkeeper/apps/{NAME}.env",
            "WorkingDirectory": f"/srv/{NAME}/current/backend",
        }
        given = " ".join(f"--property={name}={value}" for name, value in options.items())
        program = f"/srv/{NAME}/current/.venv/bin/{command}"
        return self.target.execute(f"systemd-run --quiet --wait --pipe --collect {given} {program} 2>&1")

    def event(self, event: dict[str, str], secret: str = "") -> httpx.Response:
        """An event of Stripe's, signed as Stripe does."""
        stored = Store.beside(Path(ROOT, FIVE)).values()[f"{NAME}/STRIPE_WEBHOOK_SECRET"].get_secret_value()
        payload, now = json.dumps(event), int(time.time())
        signature = hmac.new((secret or stored).encode(), f"{now}.{payload}".encode(), hashlib.sha256).hexdigest()
        header = {"Stripe-Signature": f"t={now},v1={signature}"}
        return self.ask("POST", "/api/stripe/webhook", content=payload, headers=header)

    def put(self, name: str, content: str) -> None:
        """A file in the served folder, as if a hole in the app had let it in."""
        place = f"/srv/{NAME}/shared/uploads/{name}"
        self.target.succeed(f"printf %s {shlex.quote(content)} >{place} && chown {NAME}:www-data {place}")
