"""Clients of all five apps: requests that never rest, WebSockets that stay open, and what any of them notices."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from target.box import Target
from target.load import PATIENCE, unverified
from target.tls import secured
from tests.apps.pair_cam import PairCamSite, WebSocket, pair

PAUSE = 0.8
"""Seconds between two requests of a client, and two messages on a WebSocket: however fast the machine is, the three
clients that ask PairCam stay below the five requests a second that it takes from one address."""
TALKS = 3
ASKED = (
    ("notes.localhost", "/api/health"),
    ("notes.localhost", "/api/sessions"),
    ("chatty.localhost", "/health"),
    ("chatty.localhost", "/api/numbers"),
    ("cam.localhost", "/api/health"),
    ("cam.localhost", "/api/calls"),
    ("cam.localhost", "/api/turn"),
    ("rodeo.localhost", "/api/health"),
    ("rodeo.localhost", "/api/scrapes"),
    ("monk.localhost", "/api/health"),
)
"""What is asked for again and again: together these use every database, Redis, Chroma, TURN, and a token of PairCam."""


@dataclass
class Clients:
    """At work from `with` to its end."""

    target: Target
    answers: int = 0
    words: int = 0
    """Messages that were heard on WebSockets."""
    failed: list[str] = field(default_factory=list)
    """What came instead of an answer."""
    cut: list[str] = field(default_factory=list)
    """How WebSockets ended that nobody here had closed, or did not open."""

    def __enter__(self) -> Clients:
        self.cam = PairCamSite(self.target, "cam.localhost")
        self.token = self.cam.guest()
        works: list[Callable[[], None]] = [partial(self._ask, *where) for where in ASKED]
        works += [*[self._note] * TALKS, self._call]
        self._ends, self._open = threading.Event(), threading.Semaphore(0)
        self._threads = [threading.Thread(target=work, daemon=True) for work in works]
        for thread in self._threads:
            thread.start()
        for _ in range(TALKS + 1):
            assert self._open.acquire(timeout=PATIENCE * 2), self.cut
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _ask(self, domain: str, path: str) -> None:
        headers = {"Host": domain, "Authorization": f"Bearer {self.token}"}
        url = f"https://127.0.0.1:{self.target.port(443)}{path}"
        trust = unverified()
        while not self._ends.wait(PAUSE):
            try:  # on a connection of its own
                with httpx.Client(verify=trust, timeout=PATIENCE) as client:
                    answer = client.get(url, headers=headers, extensions={"sni_hostname": domain})
            except httpx.HTTPError as error:
                self.failed.append(f"{domain}{path}: {type(error).__name__}: {error}")
                continue
            self.answers += 1
            if answer.status_code != 200:
                self.failed.append(f"{domain}{path}: {answer.status_code} {answer.text[:200]}")

    def _note(self) -> None:
        """Somebody speaks to the note taker."""
        try:
            plain = secured(self.target.port(443), "notes.localhost", unverified())
            with connect("ws://notes.localhost/ws", sock=plain, open_timeout=PATIENCE) as link:
                self._open.release()
                while not self._ends.wait(PAUSE):
                    link.send("word")
                    link.recv(timeout=PATIENCE)
                    self.words += 1
        except (OSError, WebSocketException) as error:
            self.cut.append(f"notes: {type(error).__name__}: {error}")

    def _call(self) -> None:
        """Two people talk in PairCam."""
        try:
            begins, answers = pair([WebSocket(self.cam), WebSocket(self.cam)], [self.token, self.cam.guest()])
            self._open.release()
            while not self._ends.wait(PAUSE):
                for one, other in ((begins, answers), (answers, begins)):
                    one.say("signal", "word")
                    assert other.hear("signal") == "word"
                self.words += 1
            for person in (begins, answers):
                person.line.close()
        except (OSError, WebSocketException, AssertionError) as error:
            self.cut.append(f"cam: {type(error).__name__}: {error}")
