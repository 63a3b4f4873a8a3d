"""A client of one app's site on a target, over TLS."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import httpx

from target.load import unverified


@dataclass(frozen=True)
class Site:
    """`domain` at 127.0.0.1:`port`."""

    domain: str
    port: int

    def client(self) -> httpx.Client:
        return httpx.Client(verify=unverified(), timeout=30)

    def ask(self, path: str, method: str = "GET", client: httpx.Client | None = None, **more: Any) -> httpx.Response:
        if client is None:
            with self.client() as own:
                return self.ask(path, method, own, **more)
        headers = {"Host": self.domain, **more.pop("headers", {})}
        request = client.build_request(method, f"https://127.0.0.1:{self.port}{path}", headers=headers, **more)
        request.extensions["sni_hostname"] = self.domain
        return client.send(request)

    def wait(self, path: str, seconds: float = 30) -> httpx.Response:
        """The first good answer."""
        deadline = time.monotonic() + seconds
        while not (answer := self.ask(path)).is_success:
            assert time.monotonic() < deadline, f"{path}: {answer.status_code} {answer.text[:300]}"
            time.sleep(0.3)
        return answer
