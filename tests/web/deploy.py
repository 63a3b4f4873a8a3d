"""Certificates and sites. WEB's `ranges`: where a CDN's connections come from, in a test."""

import json
import os

from roles import cdn, nginx, tls
from roles.operations import converge

_ranges = tuple(json.loads(os.environ["WEB"]).get("ranges", ()))
if _ranges:
    cdn.ranges = lambda name: _ranges  # type: ignore[assignment]

converge(tls, nginx)
