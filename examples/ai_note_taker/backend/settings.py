"""What the app is told by its environment."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

REQUIRED = ("DATABASE_URL", "REDIS_URL", "DEEPGRAM_API_KEY", "GEMINI_API_KEY")
VERSION_FILE = Path(__file__).with_name("VERSION")


@dataclass(frozen=True)
class Settings:
    """All that the app reads from its environment; values that are secret stay out of the repr."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    deepgram_api_key: str = field(repr=False)
    gemini_api_key: str = field(repr=False)
    cors_origins: tuple[str, ...]
    echo_env: frozenset[str]
    release: str


def load(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`; ends the process with one line and code 1 when one has no value."""
    require(environ, *REQUIRED)
    return Settings(
        database_url=environ["DATABASE_URL"],
        redis_url=environ["REDIS_URL"],
        deepgram_api_key=environ["DEEPGRAM_API_KEY"],
        gemini_api_key=environ["GEMINI_API_KEY"],
        cors_origins=tuple(origin.rstrip("/") for origin in _words(environ.get("CORS_ORIGINS", ""))),
        echo_env=frozenset(_words(environ.get("ECHO_ENV", ""))),
        release=environ.get("BOXKEEPER_RELEASE") or VERSION_FILE.read_text().strip(),
    )


def require(environ: Mapping[str, str], *names: str) -> None:
    """Ends the process with one line and code 1 unless every name has a value."""
    missing = [name for name in names if not environ.get(name)]
    if missing:
        refuse(f"missing in the environment: {', '.join(missing)}")


def refuse(reason: str) -> NoReturn:
    """Ends the process with code 1 and one line on standard error; the line never holds a value."""
    sys.exit(f"ai-note-taker: {reason}")


def _words(listed: str) -> list[str]:
    return [word.strip() for word in listed.split(",") if word.strip()]
