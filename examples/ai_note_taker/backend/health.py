"""Health and metrics, as a load balancer, a release or a monitor asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from cache import Cache
from metrics import Metrics
from store import Store

ANSWER_SECONDS = 3


def routes(store: Store, cache: Cache, metrics: Metrics, release: str) -> APIRouter:
    """`/api/health` and `/api/metrics`."""
    router = APIRouter(prefix="/api")

    @router.get("/health")
    async def health() -> JSONResponse:
        database, redis = await asyncio.gather(_answers(store.ask()), _answers(cache.ask()))
        well = database and redis
        body = {"status": _word(well), "database": _word(database), "redis": _word(redis), "release": release}
        return JSONResponse(body, status_code=200 if well else 503)

    @router.get("/metrics")
    async def counts() -> dict[str, object]:
        return {**metrics.as_json(), "release": release}

    return router


async def _answers(question: Coroutine[object, object, None]) -> bool:
    asked = asyncio.create_task(question)
    await asyncio.wait({asked}, timeout=ANSWER_SECONDS)
    if not asked.done():
        asked.cancel()  # not awaited: against a frozen Postgres, psycopg takes ten seconds to give a query up
        return False
    return asked.exception() is None


def _word(well: bool) -> str:
    return "healthy" if well else "unhealthy"
