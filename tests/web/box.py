"""A target with nginx and certificates and no apps: their sockets are answered by `upstream.py`."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from target import own
from target.acme import Acme
from target.box import Target
from target.run import Run, run
from target.tls import secured

NAME = own("webbox")
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Web:
    """The box, and a client of its sites on this machine."""

    target: Target
    acme: Acme
    authority: Path

    def run(self, *arguments: str, **wanted: Any) -> Run:
        """Run pyinfra with the inventory beside this file, as a user does."""
        from_ca = {"directory": self.acme.directory, "authority": str(self.authority), "resolver": self.acme.resolver}
        defaults = {
            "target": self.target.name,
            "port": self.target.port(22),
            "apps": {"notes": ["notes.example.test", "www.notes.example.test"], "other": ["other.example.test"]},
            "tls": from_ca,
        }
        variables = {"WEB": json.dumps({**defaults, **wanted})}
        return run(HERE / "inventory.py", HERE / "deploy.py", *arguments, environment=variables)

    def converge(self, *arguments: str, ok: bool = True, **wanted: Any) -> str:
        """A run that ends well, or not; what it printed."""
        done = self.run(*arguments, **wanted)
        assert (done.code == 0) is ok, done.output
        return done.output

    def changes(self, **wanted: Any) -> list[str]:
        """The operations that a run would change something with, from pyinfra's own plan."""
        return self.run("--dry", "--json", **wanted).changes

    def trust(self, *pem: str) -> ssl.SSLContext:
        """Trusts the certificates that the box made for its sites, or these."""
        return ssl.create_default_context(
            cadata="".join(pem) or self.target.succeed("cat /etc/boxkeeper/tls/*/fullchain.pem")
        )

    def ask(
        self, path: str, host: str = "notes.example.test", method: str = "GET", http2: bool = True, **more: Any
    ) -> httpx.Response:
        headers = {"Host": host, **more.pop("headers", {})}
        with httpx.Client(verify=more.pop("trust", None) or self.trust(), http2=http2, timeout=20) as client:
            request = client.build_request(method, self.url(path), headers=headers, **more)
            request.extensions["sni_hostname"] = host
            return client.send(request)

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self.target.port(443)}{path}"

    def websocket(self, **headers: str) -> AbstractContextManager[ClientConnection]:
        return connect(
            "ws://notes.example.test/ws",
            sock=secured(self.target.port(443), "notes.example.test", self.trust()),
            additional_headers=headers,
            ping_interval=None,  # it would keep a connection open that the site cuts when it is idle
        )

    def record(self, name: str = "notes") -> dict[str, Any]:
        return dict(json.loads(self.target.succeed("cat /var/lib/boxkeeper/certificates.json"))["sites"][name])

    def certify(self) -> dict[str, Any]:
        """What the timer does, now; and what it wrote down of `notes`."""
        self.target.succeed("systemctl start boxkeeper-certificates.service")
        return self.record()

    @contextmanager
    def timer(self, first: str, again: str) -> Iterator[None]:
        """Have the timer call at other times: `first` after now, then `again` after each call."""
        folder = "/run/systemd/system/boxkeeper-certificates.timer.d"
        times = f"[Timer]\nOnActiveSec=\nOnUnitInactiveSec=\nOnActiveSec={first}\nOnUnitInactiveSec={again}\n"
        unit = "boxkeeper-certificates.timer"
        again_now = f"systemctl daemon-reload; systemctl reset-failed {unit}; systemctl restart {unit}"
        before = self.target.succeed(f"cat {folder}/times.conf 2>/dev/null || true")
        self.put(f"{folder}/times.conf", times.encode())
        self.target.succeed(again_now)
        try:
            yield
        finally:
            self.put(f"{folder}/times.conf", before.encode())
            self.target.succeed(again_now)

    def forget(self) -> None:
        """A box that never had a certificate from a CA, and a CA that never heard of it."""
        self.target.succeed("systemctl stop boxkeeper-certificates.service")  # a converge lets it run on
        self.acme.restart()
        folders = " ".join(f"/etc/letsencrypt/{name}" for name in ("live", "archive", "renewal"))
        self.target.succeed(f"rm -rf {folders} /var/lib/boxkeeper/certificates.json")
        self.target.succeed("python3 -I /usr/local/lib/boxkeeper certificates heal")
        self.target.succeed("python3 -I /usr/local/lib/boxkeeper certificates reload")

    def serial(self, name: str = "notes.example.test") -> str:
        """The serial number of the certificate that nginx answers with."""
        ask = f"openssl s_client -connect 127.0.0.1:443 -servername {name} </dev/null 2>/dev/null"
        return self.target.succeed(f"{ask} | openssl x509 -noout -serial")

    def put(self, path: str, content: bytes) -> None:
        """Write a file on the box, as a finished deploy would have."""
        text = base64.b64encode(content).decode()
        self.target.succeed(f"mkdir -p $(dirname {path}) && echo {text} | base64 -d >{path}")
