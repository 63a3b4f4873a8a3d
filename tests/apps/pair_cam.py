"""PairCam as its users see it: pages, sign-in, and two people who are brought together over Socket.io."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import httpx
from websockets.sync.client import ClientConnection, connect

from target.box import Target
from target.run import unit
from target.tls import secured


@dataclass(frozen=True)
class PairCamSite:
    """The app on a target, under whatever domain and name it has there."""

    target: Target
    domain: str
    name: str = "pair-cam"

    @property
    def trust(self) -> ssl.SSLContext:
        """Trusts exactly the certificate that the box made for the site."""
        return ssl.create_default_context(cadata=self._certificate)

    @cached_property
    def _certificate(self) -> str:
        # a machine under load loses the output of an exec now and then, and without one everybody's CAs were trusted
        return "\n".join(self.target.succeed(f"cat /etc/boxkeeper/tls/{self.name}/fullchain.pem") for _ in range(3))

    def ask(self, path: str, method: str = "GET", host: str = "", token: str = "", **options: Any) -> httpx.Response:
        """One request to the site or, with `host`, to another of its names. Waits where a limit asks to."""
        name = host or self.domain
        headers = {
            "Host": name,
            **options.pop("headers", {}),
            **({"Authorization": f"Bearer {token}"} if token else {}),
        }
        with httpx.Client(verify=self.trust, http2=options.pop("http2", True), timeout=40) as client:
            url = f"https://127.0.0.1:{self.target.port(443)}{path}"
            request = client.build_request(method, url, headers=headers, **options)
            request.extensions["sni_hostname"] = name
            return client.send(request)

    def patient(self, path: str, method: str = "GET", **options: Any) -> httpx.Response:
        """The same, again and again while the limit of requests a second is used up."""
        for _ in range(20):
            answer = self.ask(path, method, **options)
            if answer.status_code != 429:
                return answer
            time.sleep(0.5)
        return answer

    def guest(self) -> str:
        """Sign in as somebody new: the token."""
        answer = self.patient("/api/guests", "POST")
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    @property
    def pid(self) -> str:
        return self.target.succeed(f"systemctl show -P MainPID {unit(self.target, self.name)}")

    def environment(self, variable: str) -> str:
        """A variable of the running app's environment."""
        return self.target.succeed(f"tr '\\0' '\\n' </proc/{self.pid}/environ | sed -n s/^{variable}=//p")

    def metrics(self) -> str:
        """What the app says of itself on the box's own address."""
        url = "http://127.0.0.1:9090/metrics"
        return self.target.succeed(
            f"python3 -c 'import urllib.request as u; print(u.urlopen(\"{url}\").read().decode())'"
        )


class Line(Protocol):
    """One way to carry Engine.IO packets (its protocol, version 4)."""

    def send(self, packet: str) -> None: ...
    def receive(self) -> list[str]: ...
    def close(self) -> None: ...


@dataclass
class Polling:
    """Long polling: a request for each packet there, and one that waits for those back."""

    site: PairCamSite
    host: str = ""
    _id: str = ""

    def _path(self) -> str:
        return f"/socket.io/?EIO=4&transport=polling{f'&sid={self._id}' if self._id else ''}"

    def send(self, packet: str) -> None:
        answer = self.site.patient(self._path(), "POST", host=self.host, content=packet.encode())
        assert answer.text == "ok", answer.text

    def receive(self) -> list[str]:
        answer = self.site.patient(self._path(), host=self.host)
        assert answer.status_code == 200, answer.text
        packets = answer.text.split("\x1e")
        if packets[0].startswith("0{"):
            self._id = json.loads(packets[0][1:])["sid"]
        return packets

    def close(self) -> None:
        self.send("1")


@dataclass
class WebSocket:
    """A WebSocket, without a request before it."""

    site: PairCamSite
    host: str = ""
    link: ClientConnection = field(init=False)
    _open: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        domain = self.host or self.site.domain
        link = secured(self.site.target.port(443), domain, self.site.trust)
        url = f"ws://{domain}/socket.io/?EIO=4&transport=websocket"
        self.link = self._open.enter_context(connect(url, sock=link, open_timeout=20))

    def send(self, packet: str) -> None:
        self.link.send(packet)

    def receive(self) -> list[str]:
        return [str(self.link.recv(timeout=20))]

    def close(self) -> None:
        self._open.close()


@dataclass
class Person:
    """Somebody connected: says events, and hears those that come (Socket.IO's protocol, version 5)."""

    line: Line
    heard: list[Any] = field(default_factory=list)
    refused: str = ""

    @staticmethod
    def connected(line: Line, token: str) -> Person:
        person = Person(line)
        person._until(lambda: any(packet.startswith("0{") for packet in person.heard))
        person.line.send(f"40{json.dumps({'token': token})}")
        person._until(lambda: any(packet.startswith(("40", "44")) for packet in person.heard))
        person.refused = next((packet[2:] for packet in person.heard if packet.startswith("44")), "")
        return person

    def say(self, event: str, *values: Any) -> None:
        self.line.send(f"42{json.dumps([event, *values])}")

    def hear(self, event: str) -> Any:
        """What comes with the next such event."""
        start = f'42["{event}"'
        self._until(lambda: any(packet.startswith(start) for packet in self.heard))
        packet = next(packet for packet in self.heard if packet.startswith(start))
        self.heard.remove(packet)
        return [*json.loads(packet[2:]), None][1]

    def _until(self, there: Any, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not there():
            assert time.monotonic() < deadline, self.heard
            for packet in self.line.receive():
                if packet == "2":
                    self.line.send("3")
                else:
                    self.heard.append(packet)


def pair(lines: Sequence[Line], tokens: Sequence[str]) -> tuple[Person, Person]:
    """Two people who have found each other: who begins the call, and who answers."""
    first, second = (Person.connected(line, token) for line, token in zip(lines, tokens, strict=True))
    first.say("find")
    time.sleep(0.5)  # who waits is the first
    second.say("find")
    assert second.hear("found")["begins"] is True
    assert first.hear("found")["begins"] is False
    return second, first
