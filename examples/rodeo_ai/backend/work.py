"""Celery: `celery --app work worker` and `celery --app work beat`. Scraping, as far as a stand-in scrapes."""

from __future__ import annotations

import functools
import os
import time
from dataclasses import dataclass

from celery import Celery

from catalogue import Catalogue
from guests import Guests, connect
from model import Model
from settings import load
from store import Store, vector

SEEN_EVERY = 15.0
KINDS = (
    "Barrel saddle",
    "Roping saddle",
    "Felt hat",
    "Straw hat",
    "Boots",
    "Bull rope",
    "Chaps",
    "Spurs",
    "Bridle",
    "Belt",
)
STYLES = ("tooled leather", "black suede", "silver inlay", "rough out", "floral carved", "waxed cotton")

_settings = load(os.environ)

app = Celery("rodeo", broker=_settings.redis_url)
app.conf.update(
    # A task is done when it has ended: one whose worker is killed comes back; one that a restart meets is finished.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    # After which a killed worker's task comes back; longer than the longest task.
    broker_transport_options={"visibility_timeout": 1800},
    beat_schedule_filename=_settings.beat_schedule,
    beat_schedule={"seen": {"task": "seen", "schedule": SEEN_EVERY, "options": {"expires": SEEN_EVERY}}},
    worker_hijack_root_logger=False,
)


@dataclass(frozen=True)
class Tools:
    """What a task works with."""

    store: Store
    catalogue: Catalogue
    guests: Guests
    model: Model


@functools.cache
def tools() -> Tools:
    """Made in the process that runs tasks, at its first: connections do not survive a fork."""
    return Tools(
        Store(_settings.database_url),
        Catalogue(_settings.chroma_url, _settings.chroma_token),
        Guests(connect(_settings.redis_url)),
        Model(_settings),
    )


@app.task(name="seen")
def seen() -> None:
    """What beat asks for again and again, so that health can tell that work gets done."""
    tools().guests.note_work()


@app.task(name="scrape")
def scrape(job: str) -> None:
    """Read the pages of a job, from the one where a run before was cut off. Each page is a product."""
    (row,) = tools().store.rows("UPDATE scrapes SET started_at = now() WHERE id = %s RETURNING *", job)
    for page in range(row["done"], row["pages"]):
        time.sleep(row["pace"])
        keep(*product(row["source"], page))
        tools().store.rows("UPDATE scrapes SET done = %s WHERE id = %s", page + 1, job)
    tools().store.rows("UPDATE scrapes SET ended_at = now() WHERE id = %s", job)


def product(source: str, page: int) -> tuple[str, str]:
    """What a page of a source offers: its key and its name. The same page has the same."""
    style, kind = STYLES[page // len(KINDS) % len(STYLES)], KINDS[page % len(KINDS)]
    return f"{source}-{page}", f"{kind}, {style}"


def keep(key: str, name: str) -> None:
    """Keep a product in Postgres and in Chroma; a second time changes nothing."""
    place = tools().model.text(name)
    tools().store.rows(
        "INSERT INTO products (key, name, place) VALUES (%s, %s, %s::vector)"
        " ON CONFLICT (key) DO UPDATE SET name = excluded.name, place = excluded.place",
        key,
        name,
        vector(place),
    )
    tools().catalogue.put(key, name, place)
