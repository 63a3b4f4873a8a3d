"""RodeoAI on a real box: every part of it works, and keeps working through restarts and releases."""

from __future__ import annotations

import socket
import time
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from target.box import Target
from target.run import changes, forget_source, pyinfra, unit
from tests.apps.rodeo import NAME, Rodeo, png
from tests.chroma.box import BASE, ask

pytestmark = pytest.mark.target


@pytest.fixture(scope="module")
def rodeo(target: Target) -> Rodeo:
    return Rodeo(target)


def source() -> str:
    return f"fair-{uuid4().hex[:8]}"


def test_a_second_run_changes_nothing(rodeo: Rodeo) -> None:
    assert changes(rodeo.target) == []


def test_every_part_is_healthy(rodeo: Rodeo) -> None:
    assert rodeo.ask("GET", "/api/health").status_code == 200
    parts = ("status", "database", "chroma", "redis", "model")
    assert {rodeo.health()[part] for part in parts} == {"healthy"}


def test_beat_queue_and_worker_are_seen_to_work(rodeo: Rodeo) -> None:
    deadline = time.monotonic() + 40
    while rodeo.health()["work"] != "healthy":
        assert time.monotonic() < deadline
        time.sleep(1)


def test_the_page_is_served_and_its_files_are_kept_a_year(rodeo: Rodeo) -> None:
    page = rodeo.ask("GET", "/anything").text
    assert "<title>RodeoAI</title>" in page
    script = page.partition('src="')[2].partition('"')[0]
    assert "immutable" in rodeo.ask("GET", script).headers["cache-control"]


def test_what_the_worker_brings_is_found_by_pgvector_and_by_chroma(rodeo: Rodeo) -> None:
    rodeo.wait(rodeo.scrape(source(), pages=10, pace=0), done=10)
    found = rodeo.search("straw hats")
    assert "Straw hat" in found["postgres"][0]["name"]
    assert "Straw hat" in found["chroma"][0]["name"]
    distances = [item["distance"] for item in found["postgres"]]
    assert distances == sorted(distances)


def test_a_session_remembers_its_searches_and_no_others(rodeo: Rodeo) -> None:
    with rodeo.client() as one, rodeo.client() as other:
        for client, words in ((one, "boots"), (one, "a hat"), (other, "spurs")):
            options = {"extensions": {"sni_hostname": rodeo.domain}}
            assert client.post("/api/search", json={"words": words}, **options).status_code == 200  # type: ignore[arg-type]
            # httpx knows the box by another name than its cookies do
            client.headers["Cookie"] = f"rodeo={next(iter(client.cookies.jar)).value}"
        assert one.get("/api/session", **options).json() == {"searches": ["a hat", "boots"]}  # type: ignore[arg-type]
        assert other.get("/api/session", **options).json() == {"searches": ["spurs"]}  # type: ignore[arg-type]


def test_a_worker_is_asked_and_answers_under_the_rights_that_its_redis_gives(rodeo: Rodeo) -> None:
    code, said = rodeo.run("celery --app work inspect ping")
    assert code == 0, said
    assert "1 node online" in said


def test_a_restart_lets_the_worker_finish_what_it_does(rodeo: Rodeo) -> None:
    job = rodeo.scrape(source(), pages=10, pace=0.8)
    rodeo.wait(job, done=2)
    before, worker = rodeo.pid("worker"), unit(rodeo.target, NAME, "worker")
    rodeo.target.succeed(f"systemctl restart {worker}")
    # it is back after the task, not in the middle of it
    assert rodeo.job(job) == {**rodeo.job(job), "done": 10, "state": "done"}
    assert rodeo.pid("worker") != before
    log = rodeo.target.succeed(f"journalctl --quiet --output=cat _PID={before} | tail -5")
    assert "Warm shutdown" in rodeo.target.succeed(f"journalctl --quiet --output=cat --unit={worker} | tail -60"), log


def test_work_whose_process_is_killed_goes_on_where_it_was(rodeo: Rodeo) -> None:
    job = rodeo.scrape(source(), pages=12, pace=0.5)
    rodeo.wait(job, done=3)
    rodeo.target.succeed(f"kill -9 $(pgrep -P {rodeo.pid('worker')})")
    assert rodeo.wait(job, done=12)["done"] == 12


def test_what_is_queued_outlives_redis_and_the_worker(rodeo: Rodeo) -> None:
    rodeo.target.succeed(f"systemctl stop {unit(rodeo.target, NAME, 'worker')}")
    job = rodeo.scrape(source(), pages=2, pace=0)
    rodeo.target.succeed(f"sleep 1.1; systemctl kill -s KILL boxkeeper-redis@{NAME}; sleep 2")
    assert rodeo.job(job)["state"] == "waiting"
    rodeo.target.succeed(f"systemctl start {unit(rodeo.target, NAME, 'worker')}")
    assert rodeo.wait(job, done=2)["done"] == 2


def test_products_in_chroma_outlive_its_restart(rodeo: Rodeo) -> None:
    rodeo.wait(rodeo.scrape(source(), pages=4, pace=0), done=4)
    before = rodeo.search("straw hat")["chroma"]
    rodeo.target.succeed(f"systemctl restart boxkeeper-chroma@{NAME}")
    # of several that are equally near, any may be named
    assert [_found(item) for item in rodeo.search("straw hat")["chroma"]] == [_found(item) for item in before]


def _found(item: dict[str, Any]) -> tuple[str, float]:
    return item["name"], item["distance"]


def test_chroma_is_closed_to_other_accounts_and_to_the_network(rodeo: Rodeo) -> None:
    given = rodeo.environment()
    for token, status in ((given["CHROMA_TOKEN"], 200), ("", 401), ("x" * 40, 401)):
        assert ask(rodeo.target, "GET", given["CHROMA_URL"] + BASE, token)[0] == status
    for name in ("CHROMA_URL", "REDIS_URL", "DATABASE_URL"):
        with pytest.raises(OSError, match=r"refused|timed out"):
            socket.create_connection((rodeo.target.address, urlsplit(given[name]).port or 0), 2)


def test_an_image_is_served_as_an_image_and_as_nothing_else(rodeo: Rodeo) -> None:
    content = png("bull")
    made = rodeo.upload(content)
    answer = rodeo.ask("GET", made["url"])
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox;")
    assert "max-age=86400" in answer.headers["cache-control"]


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "code.js", "run.php"])
def test_a_page_among_the_images_can_do_nothing(rodeo: Rodeo, name: str) -> None:
    rodeo.put(name, "<script>alert(document.cookie)</script>")
    answer = rodeo.ask("GET", f"/uploads/{name}")
    assert "alert" in answer.text
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_nothing_outside_of_the_folder_is_served(rodeo: Rodeo) -> None:
    place = f"/srv/{NAME}/shared/uploads/link.png"
    rodeo.target.succeed(f"ln -sf /etc/hostname {place} && chown -h {NAME} {place}")
    for path in ("/uploads/", "/uploads/link.png", "/uploads/nothing.png", "/uploads/%2e%2e%2f%2e%2e%2fx.png"):
        assert rodeo.ask("GET", path).status_code in (400, 403, 404), path
    # one step up is the page's, not the folder's
    assert rodeo.ask("GET", "/uploads/..%2fcelerybeat-schedule").text.startswith("<!doctype html>")


def test_similar_images_are_the_closest_of_all(rodeo: Rodeo) -> None:
    twin = png(source())
    rodeo.upload(twin)
    similar = rodeo.upload(twin)["similar"]
    assert similar[0]["distance"] == 0
    assert [image["distance"] for image in similar] == sorted(image["distance"] for image in similar)


def test_a_body_has_a_limit_where_it_is_sent_to(rodeo: Rodeo) -> None:
    assert rodeo.ask("POST", "/api/search", content=b"x" * (2 << 20)).status_code == 413
    big = {"file": ("hat.png", png("x") + b"x" * (10 << 20), "image/png")}
    assert rodeo.ask("POST", "/api/images", files=big).status_code == 413


def test_an_event_of_stripe_counts_once_and_a_forged_one_never(rodeo: Rodeo) -> None:
    event = {"id": f"evt_{uuid4().hex}", "type": "checkout.session.completed"}
    assert rodeo.event(event, secret="another").status_code == 400
    assert [rodeo.event(event).json() for _ in range(2)] == [{"new": True}, {"new": False}]


def test_a_release_keeps_the_images_and_lets_work_end(rodeo: Rodeo) -> None:
    made, before = rodeo.upload(png(source())), rodeo.target.succeed(f"readlink /srv/{NAME}/live")
    # as if the source were another one: what is live is not known any more
    forget_source(rodeo.target, NAME)
    job = rodeo.scrape(source(), pages=60, pace=0.5)
    rodeo.wait(job, done=1)
    released = pyinfra(rodeo.target, "-y", deploy="deploys/apps.py")
    assert released.code == 0, released.output
    assert rodeo.target.succeed(f"readlink /srv/{NAME}/live") != before
    assert rodeo.ask("GET", made["url"]).status_code == 200
    assert changes(rodeo.target) == []
    assert rodeo.end(job)["done"] == 60, "by the worker of before"


def test_an_address_that_searches_too_much_is_told_to_wait(rodeo: Rodeo) -> None:
    statuses = [rodeo.ask("POST", "/api/search", json={"words": "x"}).status_code for _ in range(130)]
    assert 429 in statuses
    assert set(statuses) <= {200, 429}
