"""The releases of an app: what each was, how it ended, and which of them could be live again."""

from __future__ import annotations

import os
from typing import Any

from onbox import records, releases, schema, slots

Json = Any
TOLD = ("name", "time", "kind", "ref", "source", "who", "environment", "schema", "result", "reason", "seconds", "how")


def observe(queries: list[Json]) -> list[Json]:
    return [_found(query["app"], query["database"]) for query in queries]


def _found(app: str, database: str | None) -> Json:
    live = slots.live(app)
    known = records.every(app)
    return {
        "releases": [{**{word: record.get(word) for word in TOLD}, "like": record["like"]} for record in known],
        # what it takes to be live again: its units and its build
        "kept": [each["name"] for each in known if each["result"] == "live" and _is_whole(app, each["name"])],
        "live": live.release if live else None,
        "pinned": bool(live and live.record.get("pinned")),
        "under_way": releases.under_way(app),
        "schema": schema.digest(database),
    }


def _is_whole(app: str, release: str) -> bool:
    folder = records.path(app, release)
    return os.path.isdir(f"{folder}/units") and os.path.isdir(f"{folder}/build")
