"""The releases of an app: what each was, how it ended, and which of them could be live again."""

from __future__ import annotations

from typing import Any

from onbox import records, releases, schema, slots, stock

Json = Any
WHAT = ("name", "time", "kind", "like", "ref", "source", "build", "installed", "environment", "schema")
HOW = ("who", "result", "reason", "seconds", "how")


def observe(queries: list[Json]) -> list[Json]:
    return [_found(query["app"], query["database"]) for query in queries]


def _found(app: str, database: str | None) -> Json:
    live = slots.live(app)
    known = records.every(app)
    return {
        "releases": [{word: record.get(word) for word in (*WHAT, *HOW)} for record in known],
        "kept": [each["name"] for each in known if each["result"] == "live" and stock.is_whole(app, each["name"])],
        "live": live.release if live else None,
        "pinned": bool(live and live.record.get("pinned")),
        "under_way": releases.under_way(app),
        "schema": schema.digest(database),
    }
