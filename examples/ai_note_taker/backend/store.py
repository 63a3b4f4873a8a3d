"""Postgres: where sessions are kept. Connects on first use, so the app starts while the database is away."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import URL, func, make_url, select, text
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError, TimeoutError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from models import TranscriptionSession
from settings import refuse

# What a database that is away, starting or too busy looks like; any other error is a fault of ours.
AWAY = (OperationalError, InterfaceError, TimeoutError)
CONNECT_SECONDS = 3
EXCERPT = 160


def driver_url(url: str) -> URL:
    """`postgresql://...` for psycopg 3; ends the process with one line when `url` can't be read."""
    try:
        return make_url(url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        refuse("DATABASE_URL can't be read: write postgresql://user:password@host:port/name")


def appended(session: TranscriptionSession) -> Insert:
    """Makes the session's row, or adds its transcript to the row that is there."""
    table = TranscriptionSession
    values = {column.name: getattr(session, column.key) for column in table.__table__.columns}
    new = insert(table).values({name: value for name, value in values.items() if value is not None})
    return new.on_conflict_do_update(
        index_elements=[table.id],
        set_={
            "transcript": table.transcript + new.excluded.transcript,
            "bytes": new.excluded.bytes,
            "ended_at": new.excluded.ended_at,
        },
    )


class Store:
    """The sessions in Postgres; every call raises one of `AWAY` while the database does not answer."""

    def __init__(self, url: str) -> None:
        # Pre-ping replaces connections that a restart of the server has cut.
        self.engine = create_async_engine(
            driver_url(url),
            pool_pre_ping=True,
            pool_size=3,
            max_overflow=5,
            pool_timeout=CONNECT_SECONDS,
            connect_args={"connect_timeout": CONNECT_SECONDS, "application_name": "ai-note-taker"},
        )
        self._session = async_sessionmaker(self.engine, expire_on_commit=False)

    async def ask(self) -> None:
        """Returns when the database has really answered a query."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def append(self, session: TranscriptionSession) -> None:
        """Saves the session: a new row, or more transcript for the row that is there."""
        async with self._session.begin() as database:
            await database.execute(appended(session))

    async def newest(self, limit: int) -> list[TranscriptionSession]:
        """The latest sessions, newest first; of each transcript only the first `EXCERPT` characters."""
        table = TranscriptionSession
        short = [column for column in table.__table__.columns if column.name != "transcript"]
        query = select(*short, func.left(table.transcript, EXCERPT).label("transcript"))
        async with self._session() as database:
            rows = await database.execute(query.order_by(table.created_at.desc()).limit(limit))
            return [TranscriptionSession(**row) for row in rows.mappings()]

    async def find(self, wanted: UUID) -> TranscriptionSession | None:
        """The session with this id, if there is one."""
        async with self._session() as database:
            return await database.get(TranscriptionSession, wanted)

    async def close(self) -> None:
        """Closes all connections."""
        await self.engine.dispose()


def storable(words: str) -> str:
    """`words` as Postgres can hold them: a `text` can't contain NUL."""
    return words.replace("\0", "\N{REPLACEMENT CHARACTER}")


def as_json(session: TranscriptionSession) -> dict[str, object]:
    """The session as the API shows it; times in ISO 8601."""
    return {
        "id": str(session.id),
        "source": session.source,
        "transcript": session.transcript,
        "summary": session.summary,
        "bytes": session.bytes,
        "created_at": _iso(session.created_at),
        "ended_at": _iso(session.ended_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
