"""Clients that never rest: requests one after the other on kept and on new connections, WebSockets that stay open."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

KEPT, NEW = 6, 3
"""Clients that keep their connection, and ones that make a new one for each request."""
BEAT = 0.5
"""Seconds between two messages on each WebSocket."""
PATIENCE = 30.0


@dataclass
class Load:
    """Load on a site of a target, from `with` to its end. Half of the requests are POSTs."""

    domain: str
    port: int
    sockets: int = 200
    talk: bool = True
    """Whether WebSockets send messages: who sends one in the moment of a program's end may not get its last word."""
    requests: int = 0
    failed: list[str] = field(default_factory=list)
    """What came instead of an answer, one for each request."""
    cut: list[str] = field(default_factory=list)
    """How WebSockets ended that nobody here had closed."""
    seen: dict[str, float] = field(default_factory=dict)
    """When each version answered a new request first, as time.monotonic() counts."""
    echoed: int = 0
    """Messages that came back on WebSockets."""

    def __enter__(self) -> Load:
        self._ready, self._ends = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        if not self._ready.wait(PATIENCE * 2):
            raise TimeoutError(f"not all of {self.sockets} WebSockets opened: {self.cut[:3]}")
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join(PATIENCE)

    async def _run(self) -> None:
        few = asyncio.Semaphore(16)
        opened = await asyncio.gather(*(self._open(few) for _ in range(self.sockets)), return_exceptions=True)
        links = [link for link in opened if isinstance(link, ClientConnection)]
        self.cut += [f"did not open: {link!r}" for link in opened if not isinstance(link, ClientConnection)]
        clients = [self._ask(number, kept=number < KEPT) for number in range(KEPT + NEW)]
        asked = [asyncio.create_task(work) for work in (*clients, *(self._hold(link) for link in links))]
        if len(links) == self.sockets:
            self._ready.set()
        await asyncio.gather(*asked)
        await asyncio.gather(*(link.close() for link in links))

    async def _open(self, few: asyncio.Semaphore) -> ClientConnection:
        async with few:
            return await connect(
                f"wss://{self.domain}/ws",
                host="127.0.0.1",
                port=self.port,
                ssl=unverified(),
                open_timeout=PATIENCE,
                ping_interval=None,
            )

    async def _hold(self, link: ClientConnection) -> None:
        try:
            while not self._ends.is_set():
                if self.talk:
                    await link.send("beat")
                    await asyncio.wait_for(link.recv(), PATIENCE)
                    self.echoed += 1
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(link.recv(), BEAT)
        except (WebSocketException, OSError, asyncio.TimeoutError) as error:
            self.cut.append(f"{type(error).__name__}: {error}")

    async def _ask(self, number: int, kept: bool) -> None:
        client = self._client()
        while not self._ends.is_set():
            if not kept:
                await client.aclose()
                client = self._client()
            self.requests += 1
            await self._once(client, post=(number + self.requests) % 2 == 0)
        await client.aclose()

    async def _once(self, client: httpx.AsyncClient, post: bool) -> None:
        sent = b"x" * 2000 if post else b""
        try:
            answer = await client.request("POST" if post else "GET", "/", content=sent)
        except httpx.HTTPError as error:
            self.failed.append(f"{type(error).__name__}: {error}")
            return
        version, _, rest = answer.text.partition(" ")
        if answer.status_code != 200 or rest != f"{'POST' if post else 'GET'} {len(sent)}":
            self.failed.append(f"{answer.status_code}: {answer.text[:60]}")
        self.seen.setdefault(version, time.monotonic())

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{self.port}",
            headers={"Host": self.domain},
            transport=_Named(self.domain, verify=unverified()),
            timeout=PATIENCE,
        )


class _Named(httpx.AsyncHTTPTransport):
    """A transport that asks a machine for a site by its name, as a client does that knows it from DNS."""

    def __init__(self, domain: str, verify: ssl.SSLContext) -> None:
        super().__init__(verify=verify)
        self._domain = domain

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = self._domain
        return await super().handle_async_request(request)


def unverified() -> ssl.SSLContext:
    """Without the machine's authorities, whose loading would take longer than the request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
