"""TURN: coturn relays calls between people whose networks let no direct one through. Never an open relay."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, SecretStr, field_validator, model_validator

from roles import Settings, render, tls
from roles.apps.app import App
from roles.apps.texts import normal_domain
from roles.budget import Cost, Size
from roles.resources import Directory, Entry, File, Files, Json, Link, Packages, Resource, Unit, Units
from roles.secrets import Secret

if TYPE_CHECKING:
    from roles.server import Server

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface

PORT, TLS_PORT = 3478, 5349
HOME = "/etc/boxkeeper/turn"
CONFIG = f"{HOME}/turnserver.conf"
CERTIFICATE = f"{HOME}/certificate.pem"
SECRETS = f"{HOME}/secrets.db"
GROUP = "turnserver"
UNIT = "coturn.service"
DROP_IN = f"/etc/systemd/system/{UNIT}.d"
LEAST_PORTS = 16

# What is not the internet: https://www.iana.org/assignments/iana-ipv4-special-registry; of IPv6 all but 2000::/3, where
# addresses are given out, and in it what holds an IPv4 address. ::/3 has ::ffff:10.0.0.1, by which lists get bypassed.
SPECIAL = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24"
    " 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3"
    " ::/3 4000::/2 8000::/1 2001::/23 2001:db8::/32 2002::/16 3fff::/20"
).split()


class Turn(Settings):
    """TURN by coturn, for the calls of the apps that need it."""

    domain: str | None = Field(
        default=None, description="Name by which clients find it; by default the domain of the first app that needs it"
    )
    address: str | None = Field(
        default=None, description="Public IPv4 address, where the box itself has another one (behind a cloud's NAT)"
    )
    ports: str = Field(
        default="61000-61999", description="UDP ports of relays, above those that Linux hands out itself"
    )
    sessions: int = Field(default=500, ge=1, le=60000, description="Most relays at once")
    per_user: int = Field(default=12, ge=1, le=60000, description="Most relays of one user; a browser takes a few")

    @field_validator("domain")
    @classmethod
    def _domain(cls, domain: str | None) -> str | None:
        return domain and normal_domain(domain)

    @field_validator("address")
    @classmethod
    def _address(cls, address: str | None) -> str | None:
        try:
            return address and str(ipaddress.IPv4Address(address))
        except ValueError:
            raise ValueError(f"{address!r} is no IPv4 address; write it like `203.0.113.10`") from None

    @field_validator("ports")
    @classmethod
    def _ports(cls, ports: str) -> str:
        found = re.fullmatch(r"(\d{4,5})-(\d{4,5})", ports)
        first, last = (int(found[1]), int(found[2])) if found else (0, 0)
        if not 1024 <= first < last <= 65535:
            raise ValueError(f"{ports!r} is no range of ports from 1024 to 65535; write it like `61000-61999`")
        if any(first <= own <= last for own in (PORT, TLS_PORT)):
            raise ValueError(f"{ports} holds {PORT} or {TLS_PORT}, where coturn itself is asked; take others")
        if last - first + 1 < LEAST_PORTS:
            raise ValueError(
                f"{ports} are {last - first + 1} ports, each relay takes one; give it {LEAST_PORTS} or more"
            )
        return ports

    @model_validator(mode="after")
    def _enough(self) -> Turn:
        if self.sessions > self.last - self.first + 1:
            raise ValueError(f"{self.sessions} relays need as many ports, and {self.ports} are fewer; widen `ports`")
        return self

    @property
    def first(self) -> int:
        return int(self.ports.partition("-")[0])

    @property
    def last(self) -> int:
        return int(self.ports.partition("-")[2])

    def costs(self, apps: Sequence[App], size: Size) -> Iterator[Cost]:
        """16 MB, and 20 KB for every relay; counted are 50, as a relay with much traffic has more in its hands."""
        less = "fewer `sessions` for TURN"
        yield Cost("TURN", 16 + self.sessions // 20, 30, there="/usr/bin/turnserver", less_ram=less)

    def clashes(self, apps: Sequence[App]) -> Iterator[str]:
        """A name that no certificate is for; nobody to serve."""
        needing = [app for app in apps if "turn" in app.needs]
        if not needing:
            yield "turn: no app here needs it; leave it out"
        elif not (self.domain or needing[0].routes):
            yield f'turn: {needing[0].name} has no site, and so no certificate; write `turn=Turn(domain="...")`'
        names = [name for app in apps if app.routes for name in app.names]
        if self.domain and self.domain not in names:
            line = f"add it to the `aliases` of {needing[0].name if needing else 'an app'}"
            yield f"Turn.domain: no site's certificate is for {self.domain}: {line}"


@dataclass(frozen=True)
class Relay:
    """coturn's configuration, worded for the addresses that the box is found to have, its secrets and certificate."""

    turn: Turn
    host: str
    site: str
    realm: str
    secrets: Sequence[SecretStr]
    name: str = "relay"
    kind: ClassVar[str] = "turn"

    def query(self) -> Json:
        return [entry.path for entry in self._entries(b"")]

    def _accepted(self) -> list[list[str]]:
        """What coturn is to accept, as the box shows it: by hashes."""
        values = [secret.get_secret_value().encode() for secret in self.secrets]
        return sorted([self.realm, hashlib.sha256(value).hexdigest()] for value in values)

    def refuse(self, found: Json) -> Sequence[str]:
        """Behind a NAT that we do not know of, clients would be sent to relays that they can't reach."""
        own = outgoing(found, 4)
        if own is None or own.is_global or self.turn.address or _ip(self.host):
            return []
        line = 'write `turn=Turn(address="...")` with the public one that leads here'
        return [f"turn: this box itself has the private address {own}: {line}"]

    def differences(self, found: Json) -> Sequence[str]:
        wrong = [found["certificate"]] if found["certificate"] else []
        wrong += [f"{SECRETS}: has not the secrets of the apps"] if found["accepted"] != self._accepted() else []
        return [*self._files(found).differences(found["files"]), *wrong]

    def payload(self, found: Json) -> Json:
        secrets = [[self.realm, secret.get_secret_value()] for secret in self.secrets]
        return {"files": self._files(found).payload(found["files"]), "secrets": secrets}

    def _files(self, found: Json) -> Files:
        return Files(self._entries(self.config(found)))

    def _entries(self, config: bytes) -> list[Entry]:
        return [
            Directory(HOME, mode="0750", group=GROUP),
            Link(f"{HOME}/tls", f"{tls.HOME}/{self.site}"),
            File(CONFIG, config, mode="0640", group=GROUP),
        ]

    def config(self, found: Json) -> bytes:
        four, six, public = self.own(found), outgoing(found, 6), self.public(found)
        relaying = [each for each in (four, six if six and six.is_global else None) if each]
        return render(
            "turn/turnserver.conf.j2",
            turn=self.turn,
            ports=(PORT, TLS_PORT),
            listening=["127.0.0.1", *relaying],  # an app asks it there whether it works
            relaying=relaying,
            external=f"{public}/{four}" if public else "",
            realm=self.realm,
            secrets=SECRETS,
            # two people who both need a relay meet here; the firewall lets relays reach nothing else of this box
            allowed=[*relaying, *([public] if public else [])],
            denied=denied(found),
            certificate=CERTIFICATE,
        )

    def own(self, found: Json) -> Address | None:
        """The IPv4 address that it works with: yours, where the box has it, else the one that packets leave from."""
        asked = _ip(self.turn.address or "")
        return asked if asked in [one.ip for one in _interfaces(found)] else outgoing(found, 4)

    def public(self, found: Json) -> Address | None:
        """The address that the outside knows it by, where a NAT turns that into its own one."""
        own, told, host = self.own(found), _ip(self.turn.address or ""), _ip(self.host)
        if own is None or told == own:
            return None
        if told is None and host is not None and host.version == 4 and host.is_global and not own.is_global:
            return host
        return told


def _ip(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _interfaces(found: Json) -> list[Interface]:
    return [ipaddress.ip_interface(text) for text in found["addresses"]]


def outgoing(found: Json, version: int) -> Address | None:
    """The address that packets to elsewhere leave from; where that one passes (IPv6 privacy), the first that lasts."""
    own = [one.ip for one in _interfaces(found) if one.version == version]
    leaving = _ip(found["outgoing"][str(version)])
    return leaving if leaving in own else next(iter(own), None)


def denied(found: Json) -> list[str]:
    """Where no relay leads, as ranges: what is not the internet, and this box. In IPv6 a whole network is the box's."""
    own = [one for one in _interfaces(found) if one.ip.is_global]
    networks = [ipaddress.ip_network(text) for text in SPECIAL]
    networks += [one.network if one.version == 6 else ipaddress.ip_network(one.ip) for one in own]
    return list(dict.fromkeys(map(_range, networks)))


def _range(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    """As coturn reads it, to which a range from :: has no beginning, and so holds every IPv4 address too."""
    first = ipaddress.ip_address("::1") if str(network[0]) == "::" else network[0]
    return f"{first.exploded}-{network[-1].exploded}"


def wanted(server: Server) -> Iterator[Resource]:
    if server.turn is None:
        return
    # Before the package, which starts coturn as it is installed: open to everybody until it is told otherwise.
    yield Files(
        [Directory(DROP_IN), File(f"{DROP_IN}/boxkeeper.conf", render("turn/boxkeeper.conf.j2", config=CONFIG))]
    )
    yield Packages(["coturn", "iproute2"])
    domain = _domain(server)
    yield Relay(
        server.turn,
        host=server.host,
        site=next(app.name for app in server.apps if domain in app.names),
        realm=domain,
        secrets=[value for app in server.apps if "turn" in app.needs for value in server.accepted(_secret(app))],
    )
    yield Units([Unit(UNIT, watch=(f"{DROP_IN}/boxkeeper.conf", CONFIG))])


def _domain(server: Server) -> str:
    """What clients find it by, and what its certificate says."""
    assert server.turn is not None
    return server.turn.domain or next(app.domain for app in server.apps if "turn" in app.needs)


def opens(server: Server) -> list[str]:
    """The ports that the outside must reach."""
    if server.turn is None:
        return []
    return [f"udp/{PORT}", f"tcp/{PORT}", f"tcp/{TLS_PORT}", f"udp/{server.turn.ports}"]


def variables(server: Server, app: App) -> dict[str, str]:
    """Where clients find it, and what the app makes their passwords with (draft-uberti-behave-turn-rest)."""
    domain = _domain(server)
    urls = [f"turn:{domain}:{PORT}?transport=udp", f"turn:{domain}:{PORT}?transport=tcp"]
    return {
        "TURN_URLS": ",".join([*urls, f"turns:{domain}:{TLS_PORT}?transport=tcp"]),
        "TURN_SHARED_SECRET": server.secret(_secret(app)).get_secret_value(),
        "TURN_REALM": domain,
    }


def service(_: App) -> str:
    return UNIT


def secrets(app: App) -> Iterator[Secret]:
    yield Secret(_secret(app), needed_by=app.title, generated=True)


def _secret(app: App) -> str:
    return f"{app.name}/turn"
