"""The app with nothing behind it: no Postgres, no Redis, no Chroma, only what it must do without them."""

from __future__ import annotations

import hashlib
import hmac
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

BACKEND = Path(__file__).parents[1]
# Port 1 answers nobody.
ENVIRONMENT = {
    "DATABASE_URL": "postgresql://nobody:secret@127.0.0.1:1/nothing",
    "REDIS_URL": "redis://nobody:secret@127.0.0.1:1/0",
    "CHROMA_URL": "http://127.0.0.1:1",
    "CHROMA_TOKEN": "t",
    "UPLOADS": "/nonexistent",
    "OPENAI_API_KEY": "o",
    "STRIPE_SECRET_KEY": "s",
    "STRIPE_WEBHOOK_SECRET": "whsec",
    "BOXKEEPER_RELEASE": "r7",
}
os.environ.update(ENVIRONMENT)

import images  # noqa: E402
import main  # noqa: E402
import work  # noqa: E402
from model import Model  # noqa: E402
from payments import signed  # noqa: E402
from settings import load  # noqa: E402
from store import vector  # noqa: E402

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 40


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(main.app, raise_server_exceptions=False) as client:
        yield client


def started_without(*missing: str, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in missing} | more
    command = [sys.executable, "-c", "import main"]
    return subprocess.run(command, cwd=BACKEND, env=kept, capture_output=True, text=True, timeout=60, check=False)


def test_a_missing_value_stops_the_app_with_one_line() -> None:
    ended = started_without("CHROMA_TOKEN", "UPLOADS")
    assert ended.returncode == 1
    assert ended.stderr == "rodeo-ai: missing in the environment: CHROMA_TOKEN, UPLOADS\n"


def test_an_inference_server_without_its_token_does_too() -> None:
    ended = started_without(INFERENCE_URL="https://inference.example")
    assert ended.stderr == "rodeo-ai: missing in the environment: INFERENCE_TOKEN\n"


def test_settings_never_show_a_secret_when_printed() -> None:
    shown = repr(load(ENVIRONMENT))
    assert not [value for value in ("nobody:secret", "whsec") if value in shown]


def test_health_is_503_and_names_what_is_away(client: TestClient) -> None:
    answer = client.get("/api/health")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unhealthy",
        "database": "unhealthy",
        "chroma": "unhealthy",
        "redis": "unhealthy",
        "model": "healthy",
        "work": "unhealthy",
        "release": "r7",
    }


def test_a_database_that_is_away_is_a_503(client: TestClient) -> None:
    assert client.get("/api/images").status_code == 503


@pytest.mark.parametrize("content", [b"", b"<svg onload=alert(1)>", b"<html>", b"GIF", b"RIFFxxxxAVI ", b"\x89PNG"])
def test_what_is_no_image_is_refused_whatever_it_is_called(client: TestClient, content: bytes) -> None:
    answer = client.post("/api/images", files={"file": ("hat.png", content, "image/png")})
    assert answer.status_code == 415


def test_an_image_that_is_too_big_is_refused(client: TestClient) -> None:
    answer = client.post("/api/images", files={"file": ("hat.png", PNG + b"x" * images.MOST, "image/png")})
    assert answer.status_code == 413


def test_an_image_is_kept_whole_under_a_name_that_nobody_chose(tmp_path: Path) -> None:
    name = images.save(tmp_path, UUID(int=1), "png", PNG)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == PNG


def test_the_kind_of_an_image_is_in_its_first_bytes() -> None:
    kinds = [images.kind(start + b"x" * 40) for start in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a")]
    assert [*kinds, images.kind(b"RIFF\0\0\0\0WEBPx")] == ["png", "jpg", "gif", "webp"]


def header(payload: bytes, moment: int, secret: str = "whsec") -> str:
    signature = hmac.new(secret.encode(), f"{moment}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={moment},v1={signature},v0=old"


def test_only_what_stripe_signed_lately_is_an_event() -> None:
    now = int(time.time())
    good = header(b"{}", now)
    assert signed(b"{}", good, "whsec", now)
    assert not signed(b"{ }", good, "whsec", now)
    assert not signed(b"{}", good, "other", now)
    assert not signed(b"{}", good, "whsec", now + 301)
    assert not any(signed(b"{}", odd, "whsec", now) for odd in ("", "t=", f"t={now}", "v1=x", f"t={now},v1="))


def test_an_unsigned_event_is_refused_before_the_database_is_asked(client: TestClient) -> None:
    assert client.post("/api/stripe/webhook", content=b"{}").status_code == 400


def test_a_vector_is_written_as_postgres_reads_it() -> None:
    assert vector([0.5, -1, 1e-9]) == "[0.500000,-1.000000,0.000000]"


def test_the_same_page_has_the_same_product() -> None:
    assert work.product("fair", 3) == work.product("fair", 3)
    assert len({work.product("fair", page)[1] for page in range(60)}) == 60


def test_words_find_what_they_are_about_whatever_their_case() -> None:
    model = Model(load(ENVIRONMENT))
    wanted = model.text("BARREL SADDLE")
    names = [work.product("fair", page)[1] for page in range(30)]

    def closeness(name: str) -> float:
        return sum(a * b for a, b in zip(wanted, model.text(name), strict=True))

    assert "Barrel saddle" in max(names, key=closeness)


def test_work_that_loses_its_worker_comes_back() -> None:
    assert work.app.conf.task_acks_late
    assert work.app.conf.task_reject_on_worker_lost
    assert work.app.conf.worker_prefetch_multiplier == 1
