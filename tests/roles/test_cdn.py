"""An app behind a CDN: which of its clients' words count, and what else must be so."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from roles import cdn, clashes, firewall, nginx, tls
from roles.apps import App, Git
from roles.apps.ai_note_taker import AiNoteTaker
from roles.firewall import Firewall
from roles.nginx import Features, Nginx
from roles.postgres import Postgres
from roles.redis import Redis
from roles.resources import File, Files
from roles.server import Server
from roles.tls import Tls

NEW = Features(http2_on=True, hybrid_curve=True, reject_handshake=True, ipv6=True)
NETWORKS = cdn.ranges("cloudflare")


def app(name: str, **more: Any) -> App:
    return AiNoteTaker(name=name, domain=f"{name}.example.com", source=Git(url="https://example.com/a.git"), **more)


def server(*apps: App, **more: Any) -> Server:
    roles = {"nginx": Nginx(), "tls": Tls(), "postgres": Postgres(), "redis": Redis()}
    return Server(host="192.0.2.1", apps=apps, **{**roles, **more})


def test_cloudflares_networks_are_public_ones_of_both_kinds_and_each_is_there_once() -> None:
    networks = [ipaddress.ip_network(network) for network in NETWORKS]
    assert {network.version for network in networks} == {4, 6}
    assert all(network.is_global and network.prefixlen >= 13 for network in networks)
    assert len(set(networks)) == len(networks) > 15


def test_only_the_app_behind_the_cdn_believes_its_header() -> None:
    tree = nginx.tree(server(app("behind", cdn="cloudflare"), app("beside")), NEW)
    include = b"include boxkeeper/cloudflare.conf;"
    assert tree["boxkeeper/sites/behind.conf"].count(include) == tree["boxkeeper/sites/behind.conf"].count(
        b"\nserver {"
    )
    assert include not in tree["boxkeeper/sites/beside.conf"]
    lines = tree["boxkeeper/cloudflare.conf"].decode().splitlines()
    assert [f"set_real_ip_from {network};" for network in NETWORKS] == lines[1:-1]
    assert lines[-1] == "real_ip_header CF-Connecting-IP;"
    assert b"real_ip" not in tree["nginx.conf"]


def test_without_a_cdn_nothing_is_said_of_one() -> None:
    assert "boxkeeper/cloudflare.conf" not in nginx.tree(server(app("beside")), NEW)


def test_a_ca_that_is_sent_on_to_https_finds_its_answer_there() -> None:
    text = nginx.tree(server(app("behind", cdn="cloudflare", aliases=("www.example.com",))), NEW)
    plain, alias, main = text["boxkeeper/sites/behind.conf"].decode().split("\nserver {")[1:]
    for block in (plain, alias, main):
        assert "location ^~ /.well-known/acme-challenge/ {" in block
        assert "\n    return " not in block


def test_a_cdn_that_asks_by_http_for_who_came_by_https_is_not_sent_in_circles() -> None:
    sites = nginx.tree(server(app("behind", cdn="cloudflare"), app("beside")), NEW)
    refusal = b"if ($http_x_forwarded_proto = https)"
    assert [refusal in sites[f"boxkeeper/sites/{name}.conf"] for name in ("behind", "beside")] == [True, False]


def rules(server: Server) -> str:
    (found,) = [each for each in firewall.wanted(server) if isinstance(each, firewall.Rules)]
    return found.entries({"ports": [22]})[0].content.decode()


def test_a_firewall_for_the_cdn_lets_nobody_else_reach_the_web_server() -> None:
    text = rules(server(app("behind", cdn="cloudflare"), firewall=Firewall(web="cdn")))
    assert "ip saddr @ip_web tcp dport { 80, 443 } accept" in text
    assert "ip6 saddr @ip6_web tcp dport { 80, 443 } accept" in text
    assert "\n        tcp dport { " not in text
    assert all(network in text for network in NETWORKS)
    assert "set ip_web {\n        type ipv4_addr; flags interval" in text
    assert "set ip6_web {\n        type ipv6_addr; flags interval" in text


def test_without_it_everybody_does() -> None:
    text = rules(server(app("behind", cdn="cloudflare"), firewall=Firewall()))
    assert "tcp dport { 80, 443 } accept" in text
    assert "saddr @" not in text


def test_such_a_firewall_is_refused_when_an_app_is_behind_no_cdn() -> None:
    mixed = server(app("behind", cdn="cloudflare"), app("beside"), firewall=Firewall(web="cdn"))
    said = 'beside is behind no CDN and `Firewall(web="cdn")` shuts it off: give it `cdn="cloudflare"`'
    assert said in list(clashes.within(mixed))
    assert not [fault for fault in clashes.within(server(app("beside"), firewall=Firewall())) if "CDN" in fault]


def test_the_box_knows_whom_its_firewall_lets_in() -> None:
    def only(firewall: Firewall) -> object:
        wanted = tls.wanted(server(app("behind", cdn="cloudflare"), firewall=firewall))
        files = [path for each in wanted if isinstance(each, Files) for path in each.paths if isinstance(path, File)]
        return json.loads(next(file.content for file in files if file.path.endswith("/certificates.json")))["only"]

    assert only(Firewall(web="cdn")) == list(NETWORKS)
    assert only(Firewall()) == []


def test_a_cdn_that_is_not_known_is_a_fault() -> None:
    (said,) = app("behind", cdn="fastly").faults
    assert said == "AiNoteTaker.cdn: must be 'cloudflare'"
