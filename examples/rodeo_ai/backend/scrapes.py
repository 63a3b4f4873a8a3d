"""Jobs of the queue, which bring products in."""

from __future__ import annotations

from uuid import UUID, uuid4

from fastapi import APIRouter, HTTPException
from kombu.exceptions import OperationalError as QueueAway
from pydantic import BaseModel, Field

import work
from store import Row, Store


class Scrape(BaseModel):
    """What to read, and how slowly: seconds for each page."""

    source: str = Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")
    pages: int = Field(ge=1, le=60)
    pace: float = Field(default=0.5, ge=0, le=10)


def routes(store: Store) -> APIRouter:
    """`/api/scrapes`."""
    router = APIRouter(prefix="/api")

    @router.post("/scrapes", status_code=202)
    def scrape(wanted: Scrape) -> dict[str, object]:
        job = uuid4()
        sql = "INSERT INTO scrapes (id, source, pages, pace) VALUES (%s, %s, %s, %s) RETURNING *"
        (row,) = store.rows(sql, job, wanted.source, wanted.pages, wanted.pace)
        try:
            work.scrape.apply_async((str(job),), retry=False)
        except QueueAway:
            store.rows("DELETE FROM scrapes WHERE id = %s", job)
            raise HTTPException(503, "The queue does not answer; nothing was started") from None
        return as_json(row)

    @router.get("/scrapes")
    def scrapes() -> list[dict[str, object]]:
        return [as_json(row) for row in store.rows("SELECT * FROM scrapes ORDER BY created_at DESC LIMIT 10")]

    @router.get("/scrapes/{job}")
    def one(job: UUID) -> dict[str, object]:
        rows = store.rows("SELECT * FROM scrapes WHERE id = %s", job)
        if not rows:
            raise HTTPException(404, "There is no such job")
        return as_json(rows[0])

    return router


def as_json(row: Row) -> dict[str, object]:
    """A job as the API shows it."""
    state = "done" if row["ended_at"] else "running" if row["started_at"] else "waiting"
    return {
        "id": str(row["id"]),
        "source": row["source"],
        "pages": row["pages"],
        "done": row["done"],
        "state": state,
    }
