"""CDNs that an app can be behind: what their connections are known by, and how they name their client."""

from __future__ import annotations

import functools
import ipaddress

from roles import ROOT

HEADERS = {"cloudflare": "CF-Connecting-IP"}
"""The header by which a CDN says who its client is. It counts only on connections from that CDN's own addresses."""


@functools.cache
def ranges(cdn: str) -> tuple[str, ...]:
    """The networks that a CDN's connections come from. Raises ValueError for a list with something else in it."""
    lines = (ROOT / "roles" / "data" / f"{cdn}.txt").read_text().splitlines()
    return tuple(str(ipaddress.ip_network(line)) for line in lines if line and not line.startswith("#"))


def whose(address: str) -> str | None:
    """The CDN that an address belongs to."""
    one = ipaddress.ip_address(address)
    return next((cdn for cdn in HEADERS if any(one in ipaddress.ip_network(each) for each in ranges(cdn))), None)
