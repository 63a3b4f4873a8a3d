"""Redis: how much each address has asked, and what each visitor has looked for."""

from __future__ import annotations

import json
import re
import secrets
import time

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from settings import refuse

ANSWER_SECONDS = 2
DAY = 86400
KEPT = 10
"""Searches that a session remembers."""


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
        refuse("REDIS_URL can't be read: write redis://user:password@host:port/0")


class Guests:
    """Sessions and limits; every call raises RedisError while Redis does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def within(self, what: str, address: str, most: int, seconds: int = 60) -> bool:
        """Count a request of an address; whether it is one of the `most` that it has in this stretch of time."""
        key = f"limit:{what}:{address}:{int(time.time()) // seconds}"
        with self._redis.pipeline() as pipeline:
            count, _ = pipeline.incr(key).expire(key, seconds * 2).execute()
        return int(count) <= most

    def session(self, cookie: str | None) -> str:
        """The visitor's session: the one of the cookie where it is one, else a new one."""
        known = bool(cookie and re.fullmatch(r"[\w-]{43}", cookie) and self._redis.exists(f"session:{cookie}"))
        return str(cookie) if known else secrets.token_urlsafe(32)

    def remember(self, session: str, words: str) -> list[str]:
        """Add a search to a session, which lives a day longer by it; the latest first."""
        key = f"session:{session}"
        with self._redis.pipeline() as pipeline:
            pipeline.lpush(key, json.dumps(words)).ltrim(key, 0, KEPT - 1).expire(key, DAY)
            return [json.loads(kept) for kept in pipeline.lrange(key, 0, -1).execute()[-1]]

    def searches(self, session: str) -> list[str]:
        """What a session has searched for, the latest first."""
        return [json.loads(kept) for kept in self._redis.lrange(f"session:{session}", 0, -1)]

    def note_work(self) -> None:
        """Beat, queue and worker are alive: this came all the way."""
        self._redis.set("work:seen", int(time.time()), ex=60)

    def work_seen(self) -> bool:
        """Whether that was noted within the last minute."""
        return bool(self._redis.exists("work:seen"))

    def ask(self) -> None:
        """Returns when Redis has really answered."""
        self._redis.ping()
