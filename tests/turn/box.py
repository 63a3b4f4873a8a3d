"""A target with TURN, and somebody outside of it: a network of its own with a public address, joined by one cable."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import shlex
import time
from dataclasses import dataclass
from pathlib import Path

from target import own
from target.project import Project

NAME = own("turnbox")
NEAR, FAR = "1.2.3.1", "1.2.3.4"
NEAR6, FAR6 = "2000:1::1", "2000:2::4"
"""Public addresses, on a cable that ends in the target: the box's own ones there, and those of somebody outside."""

CABLE = f"""
ip netns add outside
ip link add near type veth peer name far netns outside
ip address add {NEAR}/24 dev near; ip address add {NEAR6}/64 dev near nodad; ip link set near up
ip -n outside address add {FAR}/24 dev far; ip -n outside address add 2000:1::4/64 dev far nodad
ip -n outside link set far up; ip -n outside link set lo up; ip -n outside address add {FAR6}/64 dev lo nodad
ip -n outside route add default via {NEAR}
ip -n outside route add default via {NEAR6}
ip route add default via 2000:1::4
"""


@dataclass(frozen=True)
class Turnbox(Project):
    """The box, and a project of its own for its secrets."""

    here = Path(__file__).resolve().parent
    variable = "TURN"

    def secret(self, app: str = "pair-cam") -> str:
        return self.store.values()[f"{app}/turn"].get_secret_value()

    def credentials(self, app: str = "pair-cam", lasts: int = 600, user: str = "") -> tuple[str, str]:
        """A user name and password as an app makes them, that end in so many seconds; of another user each time."""
        name = f"{int(time.time()) + lasts}:{user or secrets.token_hex(4)}"
        digest = hmac.new(self.secret(app).encode(), name.encode(), hashlib.sha1).digest()
        return name, base64.b64encode(digest).decode()

    @property
    def address(self) -> str:
        return self.target.address

    def outside(self, command: str) -> tuple[int, str]:
        """Run a command as somebody outside."""
        return self.target.execute(f"timeout 60 ip netns exec outside {command}")

    def call(self, way: str, credentials: tuple[str, str], peer: str = FAR, packets: int = 10) -> str:
        """What coturn's own client says of packets that it has relayed to a peer and back."""
        return self.outside(self._client(f"-n {packets} -m 1 {way}", credentials, peer))[1]

    def goes_on(self, way: str, packets: int) -> None:
        """Begin a call that goes on for as many times 20 ms; `heard` says how it was."""
        line = self._client(f"-n {packets} {way}", self.credentials(), FAR)
        unit = "systemd-run -q --collect --unit=call --property=StandardOutput=file:/run/call ip netns exec outside"
        self.target.succeed(f"rm -f /run/call; {unit} {line}; sleep 2")

    def _client(self, flags: str, credentials: tuple[str, str], peer: str) -> str:
        name, password = map(shlex.quote, credentials)
        port = 5349 if "S" in flags else 3478
        return f"turnutils_uclient -c -z 20 {flags} -u {name} -w {password} -e {peer} -p {port} {self.address}"

    def heard(self) -> str:
        """What it said, once it has ended."""
        return self.target.wait_until("! systemctl is-active -q call && cat /run/call", 60)

    def serial(self) -> str:
        """The serial number of the certificate that coturn answers with."""
        return self.handshake("| openssl x509 -noout -serial")

    def handshake(self, after: str = "", options: str = "") -> str:
        return self.target.execute(f"openssl s_client -connect {self.address}:5349 {options} </dev/null 2>&1 {after}")[
            1
        ]

    def pid(self) -> str:
        return self.target.succeed("systemctl show -P MainPID coturn")
