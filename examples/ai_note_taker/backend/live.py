"""The WebSocket: a transcription session that lives for hours, kept in Postgres as it goes."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import datetime, timezone
from urllib.parse import urlsplit
from uuid import uuid4

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from models import TranscriptionSession
from store import AWAY, Store, storable

SAVE_SECONDS = 1.0
UNSAVED_CHARACTERS = 100_000  # what a database that is away may cost in memory, per socket
_log = logging.getLogger("ai_note_taker")


def routes(store: Store, origins: tuple[str, ...]) -> APIRouter:
    """`/ws`."""
    router = APIRouter()

    @router.websocket("/ws")
    async def live(socket: WebSocket) -> None:
        if not welcome(socket.headers.get("origin"), socket.headers.get("host", ""), origins):
            await socket.close()  # before the handshake is accepted, this is a 403
            return
        await socket.accept()
        transcript, closed = Transcript(), asyncio.Event()
        saving = asyncio.create_task(_save_until(closed, transcript, store))
        try:
            # The other side went away, or the server is stopping and has said so with close code 1012.
            with suppress(WebSocketDisconnect):
                await _converse(socket, transcript)
        finally:
            closed.set()
            await saving

    return router


def welcome(origin: str | None, host: str, origins: tuple[str, ...]) -> bool:
    """Whether a page of `origin` may open a socket; CORS does not cover WebSockets, so the server asks."""
    return origin is None or origin in origins or urlsplit(origin).hostname == urlsplit(f"//{host}").hostname


class Transcript:
    """One session: what was heard, and how much of it is not yet in the database."""

    def __init__(self) -> None:
        self.id = uuid4()
        self.created_at = datetime.now(timezone.utc)
        self.ended_at: datetime | None = None
        self.bytes = 0
        self.unsaved = ""
        self._changed = True  # the row exists from the first moment, before anything is heard
        self._complained = False

    def hear(self, frame: str | bytes) -> dict[str, object]:
        """The reply to one frame."""
        size = len(frame.encode() if isinstance(frame, str) else frame)
        text = frame if isinstance(frame, str) else f"({size} bytes of audio)"
        self.bytes += size
        self.unsaved = (self.unsaved + storable(text) + "\n")[:UNSAVED_CHARACTERS]
        self._changed = True
        return {"type": "transcript", "text": text, "bytes": size}

    def end(self) -> None:
        """Nothing more will be heard."""
        self.ended_at = datetime.now(timezone.utc)
        self._changed = True

    async def save(self, store: Store) -> None:
        """Saves what is new; while the database is away it is kept, and said once."""
        if not self._changed:
            return
        piece = self.unsaved
        self._changed = False
        try:
            await store.append(self._row(piece))
        except AWAY as fault:
            self._changed = True
            if not self._complained:
                _log.warning("session %s waits for the database: %s", self.id, type(fault).__name__)
            self._complained = True
        else:
            self.unsaved = self.unsaved[len(piece) :]
            self._complained = False

    def _row(self, piece: str) -> TranscriptionSession:
        return TranscriptionSession(
            id=self.id,
            source="live",
            transcript=piece,
            bytes=self.bytes,
            created_at=self.created_at,
            ended_at=self.ended_at,
        )


async def _converse(socket: WebSocket, transcript: Transcript) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        frame = message.get("text")
        await socket.send_json(transcript.hear(message["bytes"] if frame is None else frame))


async def _save_until(closed: asyncio.Event, transcript: Transcript, store: Store) -> None:
    # Never cancelled: a save cut off after its commit would be made twice.
    while not closed.is_set():
        await transcript.save(store)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(closed.wait(), SAVE_SECONDS)
    transcript.end()
    await transcript.save(store)
