"""What a real client sees, over TLS through nginx."""

from __future__ import annotations

import json
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Event

import httpx
import pytest
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from target.box import Target
from target.load import unverified
from target.run import unit
from target.tls import secured

pytestmark = pytest.mark.target
APP, DOMAIN = "ai-note-taker", "notes.localhost"


def tls(target: Target) -> ssl.SSLContext:
    """Trusts exactly the certificate that the box made for the site."""
    return ssl.create_default_context(cadata=target.succeed("cat /etc/boxkeeper/tls/ai-note-taker/fullchain.pem"))


def ask(target: Target, path: str, method: str = "GET", **options: object) -> httpx.Response:
    """One request over HTTP/2 to the site, at the address that the target publishes."""
    with httpx.Client(verify=tls(target), http2=True, timeout=40) as client:
        url = f"https://127.0.0.1:{target.port(443)}{path}"
        request = client.build_request(method, url, headers={"Host": DOMAIN}, **options)  # type: ignore[arg-type]
        request.extensions["sni_hostname"] = DOMAIN
        return client.send(request)


def websocket(target: Target) -> AbstractContextManager[ClientConnection]:
    link = secured(target.port(443), DOMAIN, tls(target))
    # no pings of its own: they would keep a connection open that the site cuts when it is idle
    return connect(f"ws://{DOMAIN}/ws", sock=link, open_timeout=20, ping_interval=None)


def patient_websocket(target: Target) -> AbstractContextManager[ClientConnection]:
    """The route takes five new connections a minute: wait for one when other tests have used them up."""
    deadline = time.monotonic() + 70
    while True:
        try:
            return websocket(target)
        except (InvalidStatus, InvalidMessage) as refused:
            limited = not isinstance(refused, InvalidStatus) or refused.response.status_code == 429
            if not limited or time.monotonic() > deadline:
                raise
            time.sleep(3)


def test_the_page_arrives_by_http2_and_so_does_any_path_of_it(target: Target) -> None:
    page = ask(target, "/")
    assert (page.status_code, page.http_version) == (200, "HTTP/2")
    assert ask(target, "/sessions/42").text == page.text


def test_health_says_that_database_and_redis_answer(target: Target) -> None:
    health = ask(target, "/api/health")
    assert health.status_code == 200
    assert {"status", "database", "redis"} <= set(health.json())


def test_what_is_written_is_read_back(target: Target) -> None:
    text = f"First. Second. {time.time_ns()}."  # new each time: what was summarised before is not written again
    made = ask(target, "/api/summarize", "POST", json={"text": text})
    assert made.status_code == 200, made.text
    assert ask(target, f"/api/sessions/{made.json()['id']}").json()["transcript"] == text


def test_a_websocket_echoes(target: Target) -> None:
    with patient_websocket(target) as open_socket:
        open_socket.send("hello?")
        assert "hello?" in str(open_socket.recv(timeout=10))


def test_the_sixth_new_websocket_of_a_minute_is_refused(target: Target) -> None:
    statuses = []
    for _ in range(8):
        try:
            with websocket(target):
                statuses.append(101)
        except InvalidStatus as refused:
            statuses.append(refused.response.status_code)
        except InvalidMessage:  # nginx closes a connection that has not asked yet when it happens to reload
            statuses.append(0)
    assert 429 in statuses
    assert statuses.count(101) <= 6


def test_summaries_are_limited_and_other_requests_are_not(target: Target) -> None:
    with ThreadPoolExecutor(8) as pool:
        limited = list(pool.map(lambda _: ask(target, "/api/summarize", "POST", json={"text": "a"}), range(30)))
    assert {answer.status_code for answer in limited} == {200, 429}
    assert ask(target, "/api/health").status_code == 200


def test_events_arrive_one_by_one_and_not_at_the_end(target: Target) -> None:
    url, arrivals = f"https://127.0.0.1:{target.port(443)}/api/stream", []
    with httpx.Client(verify=tls(target), timeout=20) as client:
        options = {"headers": {"Host": DOMAIN}, "extensions": {"sni_hostname": DOMAIN}}
        with client.stream("GET", url, **options) as answer:  # type: ignore[arg-type]
            arrivals = [time.monotonic() for line in answer.iter_lines() if line.startswith("data:")]
    assert len(arrivals) >= 5
    assert arrivals[-1] - arrivals[0] > 1


def test_http_is_sent_to_https(target: Target) -> None:
    answer = httpx.get(f"http://127.0.0.1:{target.port(80)}/about?a=1", headers={"Host": DOMAIN})
    assert answer.status_code in (301, 308)
    assert answer.headers["location"] == f"https://{DOMAIN}/about?a=1"


def test_an_unknown_host_gets_no_answer_and_no_certificate(target: Target) -> None:
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://127.0.0.1:{target.port(80)}/", headers={"Host": "stranger.example.com"})
    with (
        socket.create_connection(("127.0.0.1", target.port(443)), timeout=10) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        unverified().wrap_socket(plain, server_hostname="stranger.example.com")


def test_hashed_assets_are_kept_for_a_year_and_the_page_is_not(target: Target) -> None:
    page = ask(target, "/")
    asset = next(part.split('"')[0] for part in page.text.split('src="')[1:] if part.startswith("/assets/"))
    assert "max-age=31536000" in ask(target, asset).headers["cache-control"]
    assert "no-cache" in page.headers["cache-control"]


def test_ten_restarts_of_the_app_lose_no_request(target: Target) -> None:
    done, statuses = Event(), list[int]()
    with ThreadPoolExecutor(3) as pool:
        clients = [pool.submit(_ask_until, done, target, statuses) for _ in range(3)]
        try:
            for _ in range(10):
                wanted, until = len(statuses) + 3, time.monotonic() + 60
                while len(statuses) < wanted and time.monotonic() < until:
                    time.sleep(0.05)
                target.succeed(f"systemctl restart {unit(target, APP)}")
        finally:
            done.set()
        for client in clients:
            client.result()
    assert set(statuses) == {200}, {status: statuses.count(status) for status in set(statuses)}
    assert len(statuses) >= 30, "some were answered between any two"


def _ask_until(done: Event, target: Target, statuses: list[int]) -> None:
    with httpx.Client(verify=tls(target), timeout=30) as client:
        url = f"https://127.0.0.1:{target.port(443)}/api/metrics"
        options = {"headers": {"Host": DOMAIN}, "extensions": {"sni_hostname": DOMAIN}}
        while not done.is_set():
            statuses.append(client.get(url, **options).status_code)  # type: ignore[arg-type]


def test_the_app_comes_back_after_its_database_was_away(target: Target) -> None:
    target.succeed("systemctl stop 'postgresql@*'")
    try:
        assert ask(target, "/api/health").status_code == 503
        target.succeed(f"systemctl restart {unit(target, APP)}")
    finally:
        target.succeed("systemctl start 'postgresql@*' --all")
    deadline = time.monotonic() + 60
    while ask(target, "/api/health").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_the_job_of_the_night_runs(target: Target) -> None:
    target.succeed("systemctl start ai-note-taker-cleanup.service")
    assert "ai-note-taker-cleanup.timer" in target.succeed("systemctl list-timers --no-pager")


def test_units_are_as_closed_as_promised(target: Target) -> None:
    said = target.succeed(f"systemd-analyze security {unit(target, APP)} | tail -1")
    assert float(said.split(":")[1].split()[0]) <= 1.1, said


def test_the_environment_file_is_only_for_root_and_arrives_exactly(target: Target) -> None:
    assert target.succeed("stat -c %a%U /etc/boxkeeper/apps/ai-note-taker.env").strip() == "640root"
    pid = target.succeed(f"systemctl show -P MainPID {unit(target, APP)}").strip()
    assert "CORS_ORIGINS=https://notes.localhost" in target.succeed(f"tr '\\0' '\\n' </proc/{pid}/environ")
    assert json.loads(ask(target, "/api/health").text)
