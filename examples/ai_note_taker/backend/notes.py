"""Notes: summarise one, list them, read one."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import datetime, timezone
from uuid import UUID, uuid4

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from cache import Cache
from models import TranscriptionSession
from store import Store, as_json, storable
from summary import summarize

LISTED = 50


class Note(BaseModel):
    """A text to summarise."""

    text: str = Field(min_length=1, max_length=200_000)


def routes(store: Store, cache: Cache, gemini_key: str) -> APIRouter:
    """`/api/summarize` and `/api/sessions`."""
    router = APIRouter(prefix="/api")
    # The real app asks Gemini here. This one says that it did not, and that it could have.
    model = f"local; GEMINI_API_KEY is {'present' if gemini_key else 'missing'}"

    @router.post("/summarize")
    async def summary(note: Note) -> dict[str, object]:
        text = storable(note.text)
        key = "summary:" + hashlib.sha256(text.encode()).hexdigest()
        kept = await cache.get(key)
        if kept is not None:
            return {**json.loads(kept), "cached": True}
        session = await asyncio.to_thread(_summarized, text)
        await store.append(session)
        answer: dict[str, object] = {"id": str(session.id), "summary": session.summary, "model": model}
        await cache.put(key, json.dumps(answer))
        return {**answer, "cached": False}

    @router.get("/sessions")
    async def sessions() -> dict[str, object]:
        return {"sessions": [as_json(session) for session in await store.newest(LISTED)]}

    @router.get("/sessions/{wanted}")
    async def session(wanted: UUID) -> dict[str, object]:
        found = await store.find(wanted)
        if found is None:
            raise HTTPException(404, "there is no such session")
        return as_json(found)

    return router


def _summarized(text: str) -> TranscriptionSession:
    now = datetime.now(timezone.utc)
    size = len(text.encode())
    return TranscriptionSession(
        id=uuid4(),
        source="note",
        transcript=text,
        summary=summarize(text),
        bytes=size,
        created_at=now,
        ended_at=now,
    )
