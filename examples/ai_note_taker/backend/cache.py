"""Redis: where summaries wait for an hour. A cache that is away costs time, never an answer."""

from __future__ import annotations

import logging

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from settings import refuse

HOUR = 3600
ANSWER_SECONDS = 2
_log = logging.getLogger("ai_note_taker")


def connect(url: str) -> Redis:
    """A client that connects on first use; ends the process with one line when `url` can't be read."""
    try:
        # One retry, without a wait: it replaces a connection that a restart has cut.
        return Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 1),
        )
    except ValueError:
        refuse(
            "REDIS_URL can't be read: write redis://user:password@host:port/0 or unix://user:password@/path"
        )


class Cache:
    """Texts in Redis by key, for one hour."""

    def __init__(self, url: str) -> None:
        self._redis = connect(url)

    async def ask(self) -> None:
        """Returns when Redis has really answered; raises RedisError when it does not."""
        await self._redis.ping()

    async def get(self, key: str) -> str | None:
        """The text kept under `key`; None when there is none or Redis is away."""
        try:
            found = await self._redis.get(key)
        except RedisError as fault:
            _log.warning("redis does not answer, going on without the cache: %s", type(fault).__name__)
            return None
        return str(found) if found is not None else None

    async def put(self, key: str, text: str) -> None:
        """Keeps `text` under `key` for an hour, or does nothing when Redis is away."""
        try:
            await self._redis.set(key, text, ex=HOUR)
        except RedisError as fault:
            _log.warning("redis does not answer, nothing cached: %s", type(fault).__name__)

    async def close(self) -> None:
        """Closes all connections."""
        await self._redis.aclose()
