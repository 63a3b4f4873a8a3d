"""AI Note Taker, a stand-in: `uvicorn main:app` in this folder."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse

import health
import live
import notes
import probes
from cache import Cache
from metrics import Counting, Metrics
from settings import Settings, load
from store import AWAY, Store


def create(settings: Settings) -> FastAPI:
    """The app; nothing connects until it is asked for something."""
    store, cache, metrics = Store(settings.database_url), Cache(settings.redis_url), Metrics()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await store.close()
        await cache.close()

    app = FastAPI(title="AI Note Taker", version=settings.release, lifespan=lifespan, openapi_url=None)
    app.add_middleware(CORSMiddleware, allow_origins=settings.cors_origins, allow_headers=["content-type"])
    app.add_middleware(Counting, metrics=metrics)
    app.include_router(health.routes(store, cache, metrics, settings.release))
    app.include_router(notes.routes(store, cache, settings.gemini_api_key))
    app.include_router(live.routes(store, settings.cors_origins))
    app.include_router(probes.routes(settings.echo_env))
    app.add_exception_handler(RequestValidationError, _unreadable)
    for fault in AWAY:
        app.add_exception_handler(fault, _database_away)
    return app


async def _unreadable(_: Request, fault: Exception) -> JSONResponse:
    # FastAPI's own answer repeats the input, and becomes a 500 when that holds half of a surrogate pair.
    assert isinstance(fault, RequestValidationError)
    detail = [{"place": error["loc"], "fault": error["msg"]} for error in fault.errors()]
    return JSONResponse({"detail": detail}, status_code=422)


async def _database_away(_: Request, fault: Exception) -> JSONResponse:
    return JSONResponse({"detail": f"the database does not answer ({type(fault).__name__})"}, status_code=503)


app = create(load(os.environ))
