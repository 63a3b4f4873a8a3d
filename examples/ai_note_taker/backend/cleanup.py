"""Daily job: deletes transcription sessions older than 30 days and prints how many."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone

from sqlalchemy import Delete, create_engine, delete
from sqlalchemy.exc import OperationalError

from models import TranscriptionSession
from settings import refuse, require
from store import CONNECT_SECONDS, driver_url

KEPT_DAYS = 30


def expired(now: datetime) -> Delete:
    """The statement that deletes every session begun more than 30 days before `now`."""
    return delete(TranscriptionSession).where(
        TranscriptionSession.created_at < now - timedelta(days=KEPT_DAYS)
    )


def main() -> None:
    """Prints the count; one line and code 1 when the database does not answer."""
    require(os.environ, "DATABASE_URL")
    engine = create_engine(
        driver_url(os.environ["DATABASE_URL"]), connect_args={"connect_timeout": CONNECT_SECONDS}
    )
    try:
        with engine.begin() as connection:
            count = connection.execute(expired(datetime.now(timezone.utc))).rowcount
    except OperationalError as fault:
        refuse(f"nothing deleted: {' '.join(str(fault.orig).split())}")
    print(f"deleted {count} transcription sessions older than {KEPT_DAYS} days")


if __name__ == "__main__":
    main()
