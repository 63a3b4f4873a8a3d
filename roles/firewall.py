"""What may reach the box: nothing but what is declared. One nftables table of our own; all others are left alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from roles import Fault, Settings, cdn, nginx, render, turn
from roles.apps import App
from roles.confirmed import Confirmed
from roles.resources import Directory, File, Files, Json, Packages, Resource, Unit, Units

if TYPE_CHECKING:
    from roles.server import Server

RULES = "/etc/boxkeeper/firewall.nft"
UNIT = "boxkeeper-firewall.service"
NEVER = {5432: "Postgres", 6379: "Redis", 8000: "Chroma", 11434: "Ollama"}
"""Ports that have no business on the internet."""
REACHED = (nginx, turn)
"""Roles that the outside reaches: each says by `opens(server)` which ports that takes, as in `Firewall.ports`."""


class Firewall(Settings):
    """What may reach the box, besides SSH and what nginx (80, 443) and TURN open for themselves."""

    ports: tuple[str, ...] = Field(default=(), description='More open ports, e.g. ("tcp/8443", "udp/50000-50100")')
    web: Literal["everybody", "cdn"] = Field(
        default="everybody", description="Who may reach ports 80 and 443; only the CDN, when every app is behind one"
    )

    @field_validator("ports")
    @classmethod
    def _ports(cls, ports: tuple[str, ...]) -> tuple[str, ...]:
        for port in ports:
            found = re.fullmatch(r"(tcp|udp)/(\d{1,5})(?:-(\d{1,5}))?", port)
            first, last = (int(found[2]), int(found[3] or found[2])) if found else (0, 0)
            if not 1 <= first <= last <= 65535:
                raise ValueError(f"{port!r} is no port; write it like `tcp/8443` or `udp/50000-50100`")
            exposed = [name for number, name in NEVER.items() if first <= number <= last]
            if exposed:
                raise ValueError(f"{port} would open {exposed[0]} to everybody; apps on this box reach it without")
        return ports

    def clashes(self, apps: Sequence[App]) -> Iterator[str]:
        """Apps that nobody would reach any more."""
        for app in apps if self.web == "cdn" else ():
            if app.routes and app.cdn is None:
                yield f'{app.name} is behind no CDN and `Firewall(web="cdn")` shuts it off: give it `cdn="cloudflare"`'


def admitted(server: Server) -> list[str]:
    """The networks that alone may reach ports 80 and 443; none when everybody may."""
    if server.firewall is None or server.firewall.web == "everybody":
        return []
    return [network for name in sorted({app.cdn for app in server.apps if app.cdn}) for network in cdn.ranges(name)]


@dataclass(frozen=True)
class Rules(Confirmed):
    """The table, with every port kept open that sshd is found to listen on."""

    tcp: Sequence[str] = ()
    udp: Sequence[str] = ()
    web: Sequence[str] = ()
    relays: str = ""
    kind: ClassVar[str] = "confirmed"

    def entries(self, found: Json) -> Sequence[File]:
        if not found["ports"]:
            raise Fault("firewall: no sshd is seen to listen on this box, so no port could be kept open for you")
        web = {"ip": [one for one in self.web if ":" not in one], "ip6": [one for one in self.web if ":" in one]}
        ports = {"ssh": found["ports"], "tcp": self.tcp, "udp": self.udp, "relays": self.relays}
        rules = render("firewall/firewall.nft.j2", **ports, web=web)
        return [File(RULES, rules, mode="0600")]


def wanted(server: Server) -> Iterator[Resource]:
    if server.firewall is None:
        return
    networks = admitted(server)
    reached = (role for role in REACHED if not (role is nginx and server.firewall.web == "cdn"))
    own = [port for role in reached for port in role.opens(server)]
    opened = [port.split("/") for port in dict.fromkeys([*own, *server.firewall.ports])]
    unit = f"/etc/systemd/system/{UNIT}"
    yield Packages(["nftables", "fail2ban", "python3-systemd"])
    yield Files([Directory("/etc/boxkeeper"), File(unit, render(f"firewall/{UNIT}.j2", rules=RULES))])
    yield Rules(
        name="firewall",
        files=[File(RULES, b"")],
        tcp=[number for kind, number in opened if kind == "tcp"],
        udp=[number for kind, number in opened if kind == "udp"],
        web=networks if server.nginx is not None else [],
        relays=server.turn.ports if server.turn is not None else "",
        prove=("nft", "-c", "-f", RULES),
        load=[["systemctl", "daemon-reload"], ["systemctl", "reload-or-restart", UNIT]],
        unload=[["systemctl", "stop", UNIT]],
        live=("nft", "-s", "list", "table", "inet", "boxkeeper"),
    )
    yield Units([Unit(UNIT)], name="unit")
    yield Ufw()
    jail = "/etc/fail2ban/jail.d/boxkeeper.local"
    yield Files([File(jail, render("firewall/jail.local.j2"))], name="jail")
    yield Units([Unit("fail2ban.service", watch=(jail,))], name="fail2ban")


@dataclass(frozen=True)
class Ufw:
    """A box that came with ufw (Vultr): it is switched off once our table is loaded and confirmed."""

    name: str = "ufw"
    kind: ClassVar[str] = "ufw"

    def query(self) -> Json:
        return None

    def differences(self, found: Json) -> Sequence[str]:
        return ["ufw is active too; two firewalls are one too many"] if found else []

    def payload(self, found: Json) -> Json:
        return None
