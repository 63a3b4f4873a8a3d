"""The model of RodeoAI behind HTTP: `INFERENCE_TOKEN=... uvicorn main:app` in this folder."""

from __future__ import annotations

import hmac
import os
import sys
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException, Request
from fastapi.concurrency import run_in_threadpool

from embedding import SIZE, embed

MODEL = "trigrams-64"
MOST = 8 << 20


def create(tokens: list[str], release: str) -> FastAPI:
    """The server; whoever asks for an embedding shows a token."""
    app = FastAPI(title="RodeoAI inference", version=release, openapi_url=None)

    @app.get("/health")
    def health() -> dict[str, str]:
        well = len(embed(b"rodeo")) == SIZE
        return {"status": "healthy" if well else "unhealthy", "model": MODEL, "release": release}

    @app.post("/embed")
    async def place(request: Request, authorization: Annotated[str, Header()] = "") -> dict[str, object]:
        if not any(hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()) for token in tokens):
            raise HTTPException(401, "The token is missing or wrong", {"WWW-Authenticate": "Bearer"})
        content = await request.body()
        if len(content) > MOST:
            raise HTTPException(413, f"At most {MOST >> 20} MB")
        return {"model": MODEL, "embedding": await run_in_threadpool(embed, content)}

    return app


def _tokens() -> list[str]:
    """Those in the environment, of a rotation both; ends the process with one line and code 1 when there is none."""
    token = os.environ.get("INFERENCE_TOKEN") or sys.exit(
        "rodeo-inference: missing in the environment: INFERENCE_TOKEN"
    )
    return [token, *filter(None, [os.environ.get("INFERENCE_TOKEN_PREVIOUS")])]


app = create(_tokens(), os.environ.get("BOXKEEPER_RELEASE") or Path(__file__).with_name("VERSION").read_text().strip())
