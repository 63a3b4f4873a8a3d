"""The server and its model, in this process."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

HERE = Path(__file__).parents[1]
PLACE = [0.066266, 0.021267, 0.155717]
os.environ["INFERENCE_TOKEN"] = "t" * 40

import main  # noqa: E402
from embedding import SIZE, embed  # noqa: E402


@pytest.fixture
def client() -> TestClient:
    return TestClient(main.app)


def cosine(one: bytes, other: bytes) -> float:
    return sum(a * b for a, b in zip(embed(one), embed(other), strict=True))


def test_with_the_token_bytes_become_a_place(client: TestClient) -> None:
    answer = client.post("/embed", content=b"saddle", headers={"Authorization": "Bearer " + "t" * 40})
    assert answer.json()["embedding"] == embed(b"saddle")


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x"}, {"Authorization": "t" * 40}])
def test_without_it_there_is_none(client: TestClient, header: dict[str, str]) -> None:
    answer = client.post("/embed", content=b"saddle", headers=header)
    assert answer.status_code == 401
    assert "embedding" not in answer.json()


def test_health_asks_the_model(client: TestClient) -> None:
    assert client.get("/health").json()["status"] == "healthy"


def test_a_place_is_the_same_each_time_and_of_length_one() -> None:
    assert embed(b"saddle") == embed(b"saddle")
    assert math.isclose(cosine(b"saddle", b"saddle"), 1, abs_tol=1e-4)
    assert len(embed(b"")) == SIZE
    # kept in databases: another NumPy must not move it
    assert embed(b"saddle")[:3] == pytest.approx(PLACE, abs=1e-5)


def test_what_has_much_in_common_is_closer() -> None:
    assert cosine(b"barrel saddle", b"roping saddle") > cosine(b"barrel saddle", b"straw hat")


def test_without_a_token_it_ends_with_one_line() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "INFERENCE_TOKEN"}
    command = [sys.executable, "-c", "import main"]
    ended = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == "rodeo-inference: missing in the environment: INFERENCE_TOKEN\n"
