"""An app behind a CDN, and one beside it that is not: who its clients are, and how it comes by a certificate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.web.box import HERE, Web

pytestmark = pytest.mark.target
NAME, ALIAS, OTHER = "notes.example.test", "www.notes.example.test", "other.example.test"
EDGE = "10.78.0.2"
BEHIND: dict[str, Any] = {"behind": ["notes"], "ranges": [f"{EDGE}/32"]}


@pytest.fixture(scope="module")
def edge(web: Web) -> Iterator[Web]:
    """The box with a CDN on the other end of a cable, which `notes` is behind."""
    run = web.target.succeed
    run("ip netns list | grep -q edge || ip netns add edge")
    run("ip link show lead 2>/dev/null || ip link add lead type veth peer name eth0 netns edge")
    run("ip addr replace 10.78.0.1/24 dev lead; ip link set lead up")
    run(f"ip netns exec edge sh -c 'ip addr replace {EDGE}/24 dev eth0; ip link set eth0 up; ip link set lo up'")
    web.put("/usr/local/lib/edge.py", (HERE / "edge.py").read_bytes())
    web.converge("-y", **BEHIND)
    with web.timer("1d", "1d"):
        yield web
        web.forget()
    run("systemctl stop edge 2>/dev/null; ip netns del edge")
    web.converge("-y")


def visit(web: Web, client: str, path: str = "/api/headers", host: str = NAME) -> dict[str, Any]:
    """What the box answers to a request that the CDN sends for a client."""
    said = web.target.succeed(f"ip netns exec edge python3 /usr/local/lib/edge.py visit {host} {path} {client}")
    return dict(json.loads(said))


def serve(web: Web, mode: str) -> None:
    """The CDN answers visitors, and DNS leads to it."""
    web.forget()
    web.target.succeed("systemctl stop edge 2>/dev/null; systemctl reset-failed edge 2>/dev/null; true")
    run = "ip netns exec edge python3 /usr/local/lib/edge.py serve"
    web.target.succeed(f"systemd-run -q --unit=edge {run} {mode}")
    web.target.wait_until("ip netns exec edge ss -ltn | grep -q ':80 '")
    for name in (NAME, ALIAS):
        web.acme.point(name, a=[EDGE])


def headers(answer: dict[str, Any]) -> dict[str, str]:
    return dict(json.loads(answer["body"])["headers"])


def test_a_second_run_changes_nothing(edge: Web) -> None:
    assert edge.changes(**BEHIND) == []


@pytest.mark.parametrize("client", ["203.0.113.7", "2001:db8::7"])
def test_the_app_and_the_log_know_the_client_of_the_cdn(edge: Web, client: str) -> None:
    told = headers(visit(edge, client))
    assert {told[name] for name in ("x-real-ip", "x-forwarded-for", "cf-connecting-ip")} == {client}
    assert edge.target.succeed("tail -n1 /var/log/nginx/access.log").startswith(f"{client} [")


def test_whoever_comes_past_the_cdn_claims_in_vain_to_be_somebody_else(edge: Web) -> None:
    lies = {"CF-Connecting-IP": "203.0.113.7", "True-Client-IP": "203.0.113.7"}
    told = edge.ask("/api/headers", headers=lies).json()["headers"]
    assert told["x-real-ip"] == told["cf-connecting-ip"] == told["true-client-ip"] != "203.0.113.7"


def test_an_app_that_is_behind_no_cdn_does_not_believe_one(edge: Web) -> None:
    edge.target.succeed("mkdir -p /srv/other/live && ln -sf /srv/notes/live/web.sock /srv/other/live/web.sock")
    assert headers(visit(edge, "203.0.113.7", host=OTHER))["x-real-ip"] == EDGE


def test_a_limit_counts_each_client_of_the_cdn_for_itself(edge: Web) -> None:
    first = [visit(edge, "203.0.113.20", "/api/limited")["status"] for _ in range(6)]
    assert first == [200] * 5 + [429]
    assert visit(edge, "203.0.113.21", "/api/limited")["status"] == 200


def test_a_cdn_in_mode_flexible_is_told_so_and_not_sent_in_circles(edge: Web) -> None:
    plain = f"http://127.0.0.1:{edge.target.port(80)}/"
    for_https = httpx.get(plain, headers={"Host": NAME, "X-Forwarded-Proto": "https"})
    assert (for_https.status_code, "Full (strict)" in for_https.text) == (500, True)
    assert httpx.get(plain, headers={"Host": NAME, "X-Forwarded-Proto": "http"}).status_code == 308


@pytest.mark.parametrize("mode", ["forward", "redirect"])
def test_a_ca_reaches_the_box_through_the_cdn(edge: Web, mode: str) -> None:
    serve(edge, mode)
    record = edge.certify()
    assert record["state"] == "issued", record
    assert edge.acme.orders() == 1


def test_a_cdn_that_takes_no_self_signed_certificate_is_named_and_costs_no_order(edge: Web) -> None:
    serve(edge, "strict")
    assert edge.certify()["reason"] == (
        f"{NAME} leads to {EDGE} (A record), where Cloudflare answers 526: it takes no certificate of our own making: "
        "set its TLS mode to Full until the first one is issued; it must lead to this box"
    )
    assert edge.acme.orders() == 0


def test_with_a_firewall_that_admits_only_the_cdn_a_domain_must_lead_to_it(edge: Web) -> None:
    edge.converge("-y", **BEHIND, firewall={"web": "cdn"}, apps={"notes": [NAME, ALIAS]})
    serve(edge, "forward")
    edge.acme.point(NAME, a=["10.78.0.1"])
    said = edge.certify()["reason"]
    assert said.startswith(f"{NAME} leads to 10.78.0.1 (A record), past the CDN"), said
    edge.acme.point(NAME, a=[EDGE])
    assert edge.certify()["state"] == "issued"
