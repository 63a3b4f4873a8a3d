"""The app with nothing behind it: no Postgres, no Redis, only what it must do without them."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.dialects import postgresql
from starlette.websockets import WebSocketDisconnect

BACKEND = Path(__file__).parents[1]
POSTGRES = postgresql.dialect()  # type: ignore[no-untyped-call]
# Port 1 answers nobody.
ENVIRONMENT = {
    "DATABASE_URL": "postgresql://nobody:secret@127.0.0.1:1/nothing",
    "REDIS_URL": "redis://nobody:secret@127.0.0.1:1/0",
    "DEEPGRAM_API_KEY": "d",
    "GEMINI_API_KEY": "g",
    "CORS_ORIGINS": "https://notes.example",
    "ECHO_ENV": "TRICKY,ABSENT",
    "BOXKEEPER_RELEASE": "r7",
    "TRICKY": "a\"b'\n$c %d \\",
}
os.environ.update(ENVIRONMENT)

import cleanup  # noqa: E402
import main  # noqa: E402
import migrate  # noqa: E402
from live import Transcript, welcome  # noqa: E402
from models import TranscriptionSession  # noqa: E402
from store import appended, driver_url, storable  # noqa: E402


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(main.app) as client:
        yield client


def started_without(*missing: str, **changed: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in ENVIRONMENT.items() if name not in missing} | changed
    command = [sys.executable, "-m", "uvicorn", "main:app", "--port", "0"]
    return subprocess.run(command, cwd=BACKEND, env=environment, capture_output=True, text=True, timeout=30)


def test_a_missing_key_stops_the_app_with_one_line() -> None:
    ended = started_without("GEMINI_API_KEY", "REDIS_URL")
    assert ended.returncode == 1
    assert ended.stderr == "ai-note-taker: missing in the environment: REDIS_URL, GEMINI_API_KEY\n"


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_an_unreadable_address_stops_the_app_with_one_line_that_does_not_repeat_it(name: str) -> None:
    ended = started_without(**{name: "no-address:hunter2"})
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"ai-note-taker: {name} can't be read")
    assert ended.stderr.count("\n") == 1
    assert "hunter2" not in ended.stderr


def test_health_is_503_and_names_both_while_both_are_away(client: TestClient) -> None:
    answer = client.get("/api/health")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unhealthy",
        "database": "unhealthy",
        "redis": "unhealthy",
        "release": "r7",
    }


def test_a_note_is_a_503_and_not_a_crash_while_the_database_is_away(client: TestClient) -> None:
    assert client.post("/api/summarize", json={"text": "Hello."}).status_code == 503
    assert client.get("/api/sessions").status_code == 503


def test_half_a_surrogate_pair_is_refused_and_not_repeated(client: TestClient) -> None:
    answer = client.post("/api/summarize", content=r'{"text":"private \ud83d"}')
    assert answer.status_code == 422
    assert "private" not in answer.text


def test_the_socket_echoes_text_and_bytes_while_the_database_is_away(client: TestClient) -> None:
    with client.websocket_connect("/ws") as socket:
        socket.send_text("grüß")
        assert socket.receive_json() == {"type": "transcript", "text": "grüß", "bytes": 6}
        socket.send_bytes(b"\0\1\2")
        assert socket.receive_json() == {"type": "transcript", "text": "(3 bytes of audio)", "bytes": 3}
        assert client.get("/api/metrics").json()["active_connections"] == 1


def test_a_page_of_another_site_may_not_open_the_socket(client: TestClient) -> None:
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/ws", headers={"origin": "https://evil.example"}),
    ):
        pass
    assert welcome("https://notes.example", "10.0.0.1", ("https://notes.example",))
    assert welcome("https://box.example:8443", "box.example", ())


def test_only_the_sites_own_origin_may_read_answers(client: TestClient) -> None:
    own = client.get("/api/metrics", headers={"origin": "https://notes.example"})
    other = client.get("/api/metrics", headers={"origin": "https://evil.example"})
    assert own.headers["access-control-allow-origin"] == "https://notes.example"
    assert "access-control-allow-origin" not in other.headers


def test_echo_hashes_the_whole_body(client: TestClient) -> None:
    body = os.urandom(1_000_000)
    assert client.post("/api/echo", content=body).json() == {
        "bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }


def test_the_environment_is_shown_only_as_hashes_of_listed_names(client: TestClient) -> None:
    digest = hashlib.sha256(ENVIRONMENT["TRICKY"].encode()).hexdigest()
    assert client.get("/api/env-digest?name=TRICKY").json() == {"TRICKY": digest}
    for refused in ("GEMINI_API_KEY", "ABSENT"):
        assert client.get(f"/api/env-digest?name=TRICKY&name={refused}").status_code == 404


def test_no_one_can_ask_for_a_sleep_of_more_than_30_seconds(client: TestClient) -> None:
    assert client.get("/api/slow?seconds=0").json() == {"slept": 0}
    assert client.get("/api/slow?seconds=31").status_code == 422


def test_the_stream_sends_ten_events(client: TestClient) -> None:
    answer = client.get("/api/stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.count("data: ") == 10


def test_the_driver_is_psycopg_3_and_the_address_stays() -> None:
    url = driver_url("postgresql://app:p%40ss@/notes?host=/run/postgresql")
    assert (url.drivername, url.password, url.query["host"]) == (
        "postgresql+psycopg",
        "p@ss",
        "/run/postgresql",
    )


def test_cleanup_deletes_only_by_age() -> None:
    now = datetime(2030, 1, 31, tzinfo=timezone.utc)
    statement = cleanup.expired(now).compile(dialect=POSTGRES)
    where = "DELETE FROM transcription_sessions WHERE transcription_sessions.created_at < "
    assert str(statement).startswith(where)
    assert statement.params == {"created_at_1": now - timedelta(days=30)}


def test_the_migrations_make_the_columns_that_the_model_has() -> None:
    made = re.findall(r"^ {8}(\w+) ", migrate.MIGRATIONS[0], re.MULTILINE)
    assert made == [column.name for column in TranscriptionSession.__table__.columns]


def test_a_second_piece_of_a_session_is_appended() -> None:
    session = TranscriptionSession(id=uuid4(), source="live", transcript="b\n", bytes=2)
    statement = str(appended(session).compile(dialect=POSTGRES))
    assert "ON CONFLICT (id) DO UPDATE SET" in statement
    assert "transcription_sessions.transcript || excluded.transcript" in statement


def test_what_postgres_cannot_hold_is_replaced() -> None:
    assert storable("a\0b") == "a\N{REPLACEMENT CHARACTER}b"


def test_a_database_that_stays_away_costs_a_session_little_memory() -> None:
    transcript = Transcript()
    for _ in range(30):
        transcript.hear("x" * 10_000)
    assert len(transcript.unsaved) == 100_000
    assert transcript.bytes == 300_000
