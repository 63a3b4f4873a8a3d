"""Routes that prove the way to the app: whole bodies, unbuffered streams, slow answers, exact environment."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import StreamingResponse

EVENTS = 10
EVENT_SECONDS = 0.2


def routes(echo_env: frozenset[str]) -> APIRouter:
    """`/api/echo`, `/api/stream`, `/api/slow`, `/api/env-digest`."""
    router = APIRouter(prefix="/api")

    @router.post("/echo")
    async def echo(request: Request) -> dict[str, object]:
        digest, size = hashlib.sha256(), 0
        async for chunk in request.stream():
            digest.update(chunk)
            size += len(chunk)
        return {"bytes": size, "sha256": digest.hexdigest()}

    @router.get("/stream")
    async def stream() -> StreamingResponse:
        # No `X-Accel-Buffering: no`: that nginx passes events on at once has to be nginx's own doing.
        return StreamingResponse(
            _events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    @router.get("/slow")
    async def slow(
        seconds: Annotated[float, Query(ge=0, le=30, allow_inf_nan=False)] = 1.0,
    ) -> dict[str, float]:
        await asyncio.sleep(seconds)
        return {"slept": seconds}

    @router.get("/env-digest")
    async def env_digest(name: Annotated[list[str], Query()]) -> dict[str, str]:
        if not echo_env.issuperset(name) or not os.environ.keys() >= set(name):
            raise HTTPException(404, "not set, or not listed in ECHO_ENV")
        return {one: hashlib.sha256(os.environb[one.encode()]).hexdigest() for one in name}

    return router


async def _events() -> AsyncIterator[str]:
    for number in range(1, EVENTS + 1):
        await asyncio.sleep(EVENT_SECONDS)
        yield f"id: {number}\ndata: {number} of {EVENTS}\n\n"
