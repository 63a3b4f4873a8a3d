"""RodeoAI, a stand-in: `uvicorn main:app` in this folder."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

import gear
import health
import images
import payments
import scrapes
from catalogue import Catalogue
from guests import Guests, connect
from model import Model
from settings import Settings, load
from store import AWAY, Store


def create(settings: Settings) -> FastAPI:
    """The app; nothing connects until it is asked for something."""
    store, guests = Store(settings.database_url), Guests(connect(settings.redis_url))
    catalogue, model = Catalogue(settings.chroma_url, settings.chroma_token), Model(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        store.close()

    app = FastAPI(title="RodeoAI", version=settings.release, lifespan=lifespan, openapi_url=None)
    parts = {"database": store.ask, "chroma": catalogue.ask, "redis": guests.ask, "model": model.ask}
    app.include_router(health.routes(parts, guests, settings.release))
    app.include_router(images.routes(store, model, settings.uploads))
    app.include_router(gear.routes(store, catalogue, guests, model))
    app.include_router(scrapes.routes(store))
    app.include_router(payments.routes(store, settings.stripe_webhook_secret))
    for fault in AWAY:
        app.add_exception_handler(fault, _away)
    return app


async def _away(_: Request, fault: Exception) -> JSONResponse:
    return JSONResponse({"detail": "The database does not answer. Try again in a moment."}, status_code=503)


app = create(load(os.environ))
