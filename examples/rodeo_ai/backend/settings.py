"""What the app is told by its environment."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

REQUIRED = (
    "DATABASE_URL",
    "REDIS_URL",
    "CHROMA_URL",
    "CHROMA_TOKEN",
    "UPLOADS",
    "OPENAI_API_KEY",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
)
VERSION_FILE = Path(__file__).with_name("VERSION")


@dataclass(frozen=True)
class Settings:
    """All that the app reads from its environment; values that are secret stay out of the repr."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    chroma_url: str
    chroma_token: str = field(repr=False)
    uploads: Path
    stripe_webhook_secret: str = field(repr=False)
    inference_url: str
    inference_token: str = field(repr=False)
    inference_address: str
    beat_schedule: str
    release: str


def load(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`; ends the process with one line and code 1 when one has no value."""
    inference = ("INFERENCE_TOKEN",) if environ.get("INFERENCE_URL") else ()
    require(environ, *REQUIRED, *inference)
    return Settings(
        database_url=environ["DATABASE_URL"],
        redis_url=environ["REDIS_URL"],
        chroma_url=environ["CHROMA_URL"],
        chroma_token=environ["CHROMA_TOKEN"],
        uploads=Path(environ["UPLOADS"]),
        stripe_webhook_secret=environ["STRIPE_WEBHOOK_SECRET"],
        inference_url=environ.get("INFERENCE_URL", "").rstrip("/"),
        inference_token=environ.get("INFERENCE_TOKEN", ""),
        inference_address=environ.get("INFERENCE_ADDRESS", ""),
        beat_schedule=environ.get("BEAT_SCHEDULE", "celerybeat-schedule"),
        release=environ.get("BOXKEEPER_RELEASE") or VERSION_FILE.read_text().strip(),
    )


def require(environ: Mapping[str, str], *names: str) -> None:
    """Ends the process with one line and code 1 unless every name has a value."""
    missing = [name for name in names if not environ.get(name)]
    if missing:
        refuse(f"missing in the environment: {', '.join(missing)}")


def refuse(reason: str) -> NoReturn:
    """Ends the process with code 1 and one line on standard error; the line never holds a value."""
    sys.exit(f"rodeo-ai: {reason}")
