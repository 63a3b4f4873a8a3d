"""How the release of an app ended: whether the wanted one is live, and answers."""

from __future__ import annotations

from typing import Any

from onbox import health, records, releases
from onbox.shell import Failed

Json = Any


def observe(queries: list[Json]) -> list[Json]:
    found = zip(releases.observe(queries), health.observe(queries), strict=True)
    return [{**release, "refusal": refusal} for release, refusal in found]


def apply(payload: Json) -> None:
    """Wait until what is live is healthy. Raises Failed when it is not what is wanted, or does not get so."""
    app = payload["app"]
    if payload["differs"]:
        tried = [record for record in records.every(app)[-1:] if record["source"] == payload["source"]]
        reason = (tried[0].get("reason") or "").partition("\n")[0] if tried else ""
        raise Failed(f"{app}: {reason or payload['differs'][0]}")
    health.apply({"app": app})
