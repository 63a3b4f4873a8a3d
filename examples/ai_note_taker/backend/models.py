"""The tables as SQLAlchemy sees them; `migrate.py` is what makes them, and a test compares the two."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, DateTime, Index, Text, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """What every table shares: nothing yet but the metadata."""


class TranscriptionSession(Base):
    """One note: typed and summarised (`source` note), or streamed over the WebSocket (`source` live)."""

    __tablename__ = "transcription_sessions"
    __table_args__ = (Index("transcription_sessions_created_at", "created_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4, server_default=func.gen_random_uuid())
    source: Mapped[str] = mapped_column(Text, server_default="live")
    transcript: Mapped[str] = mapped_column(Text, server_default="")
    summary: Mapped[str | None] = mapped_column(Text)
    bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
