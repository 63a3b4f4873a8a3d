"""What a client of a box's sites sees, asked through TLS."""

from __future__ import annotations

import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.web.box import Web

pytestmark = pytest.mark.target


def test_a_second_run_changes_nothing(web: Web) -> None:
    assert web.changes() == []


def test_http_of_every_name_is_sent_to_https_of_the_domain(web: Web) -> None:
    for host in ("notes.example.test", "www.notes.example.test"):
        answer = httpx.post(f"http://127.0.0.1:{web.target.port(80)}/a/b?c=%0d%0ad", headers={"Host": host})
        assert answer.status_code == 308
        assert answer.headers["location"] == "https://notes.example.test/a/b?c=%0d%0ad"


def test_an_alias_is_sent_to_the_domain(web: Web) -> None:
    answer = web.ask("/a?b=c", host="www.notes.example.test")
    assert (answer.status_code, answer.headers["location"]) == (308, "https://notes.example.test/a?b=c")


def test_an_unknown_host_gets_no_answer_by_http(web: Web) -> None:
    for host in ("stranger.example.com", "127.0.0.1"):
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{web.target.port(80)}/", headers={"Host": host})


def test_an_unknown_name_gets_no_certificate(web: Web) -> None:
    trust_all = ssl._create_unverified_context()
    for name in ("stranger.example.com", None):
        link = socket.create_connection(("127.0.0.1", web.target.port(443)), timeout=10)
        with link, pytest.raises((ssl.SSLError, ConnectionError)):
            trust_all.wrap_socket(link, server_hostname=name)


def test_a_known_name_with_an_unknown_host_gets_no_answer(web: Web) -> None:
    options = {"headers": {"Host": "stranger.example.com"}, "extensions": {"sni_hostname": "notes.example.test"}}
    with httpx.Client(verify=web.trust()) as client, pytest.raises(httpx.RemoteProtocolError):
        client.get(web.url("/"), **options)  # type: ignore[arg-type]


def test_only_tls_1_2_and_1_3_are_spoken_and_the_newer_is_preferred(web: Web) -> None:
    link = socket.create_connection(("127.0.0.1", web.target.port(443)))
    with link, web.trust().wrap_socket(link, server_hostname="notes.example.test") as tls:
        assert tls.version() == "TLSv1.3"
    say = "openssl s_client -connect 127.0.0.1:443 -servername notes.example.test -cipher ALL:@SECLEVEL=0 </dev/null"
    web.target.fail(f"{say} -tls1_1")
    web.target.fail(f"{say} -tls1_2 -cipher AES128-SHA")


def test_a_post_quantum_key_exchange_is_offered_where_openssl_knows_it(web: Web) -> None:
    knows = web.target.execute("openssl list -kem-algorithms 2>/dev/null | grep -q X25519MLKEM768")[0] == 0
    config = web.target.succeed("grep ssl_ecdh_curve /etc/nginx/nginx.conf")
    assert ("X25519MLKEM768" in config) is knows
    if knows:
        say = "openssl s_client -connect 127.0.0.1:443 -servername notes.example.test -groups X25519MLKEM768"
        web.target.succeed(f"{say} </dev/null")


def test_the_app_is_told_the_truth_about_its_client(web: Web) -> None:
    lies = {
        "X-Forwarded-For": "1.2.3.4",
        "X-Real-IP": "1.2.3.4",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.example.com",
        "Forwarded": "for=1.2.3.4",
        "Proxy": "http://evil.example.com",
    }
    told = web.ask("/api/headers?x=%2F..%2f", headers=lies).json()
    gateway = told["headers"]["x-real-ip"]
    assert told["request"] == "GET /api/headers?x=%2F..%2f HTTP/1.1"
    assert told["headers"]["x-forwarded-for"] == gateway != "1.2.3.4"
    assert told["headers"]["x-forwarded-proto"] == "https"
    assert told["headers"]["host"] == told["headers"]["x-forwarded-host"] == "notes.example.test"
    assert {"forwarded", "proxy", "upgrade", "connection"}.isdisjoint(told["headers"])


def test_security_headers_are_there_once_and_the_apps_own_win(web: Web) -> None:
    for path in ("/", "/api/headers", "/assets/index-BX1f3k2_.js", "/index.html"):
        headers = web.ask(path).headers
        assert headers.get_list("x-content-type-options") == ["nosniff"]
        assert headers.get_list("x-frame-options") == ["SAMEORIGIN"]
        assert headers.get_list("strict-transport-security") == ["max-age=63072000"]
        assert headers["server"] == "nginx"
    assert web.ask("/api/framed").headers.get_list("x-frame-options") == ["DENY"]


def test_a_websocket_echoes_through_tls(web: Web) -> None:
    with web.websocket() as link:
        link.send("hello")
        assert link.recv(timeout=5) == "hello"


def test_a_websocket_that_is_idle_for_65_seconds_still_echoes(web: Web) -> None:
    with web.websocket() as link:
        time.sleep(65)  # nginx's own patience is 60 s; unlike most apps, the one here sends no pings
        link.send("still there?")
        assert link.recv(timeout=5) == "still there?"


def test_a_websocket_survives_a_reload(web: Web) -> None:
    with web.websocket() as link:
        web.target.succeed("systemctl reload nginx")
        time.sleep(2)
        link.send("still there?")
        assert link.recv(timeout=5) == "still there?"


def test_events_arrive_one_by_one(web: Web) -> None:
    for http2 in (True, False):
        with httpx.Client(verify=web.trust(), http2=http2, timeout=20) as client:
            options = {"headers": {"Host": "notes.example.test"}, "extensions": {"sni_hostname": "notes.example.test"}}
            with client.stream("GET", web.url("/api/stream"), **options) as answer:  # type: ignore[arg-type]
                moments = [time.monotonic() for line in answer.iter_lines() if line.startswith("data:")]
        assert len(moments) == 5
        assert moments[-1] - moments[0] > 1.2, moments


def test_the_page_stands_in_for_every_path_that_is_no_file(web: Web) -> None:
    page = web.ask("/")
    assert (page.status_code, page.http_version) == (200, "HTTP/2")
    for path in ("/sessions/42", "/a.b/c", "/index.html"):
        assert web.ask(path).text == page.text
    assert web.ask("/robots.txt").text.startswith("User-agent")


def test_each_kind_of_file_is_kept_as_long_as_it_should(web: Web) -> None:
    kept = {
        "/": "no-cache",
        "/deep/link": "no-cache",
        "/robots.txt": "max-age=1800",
        "/assets/index-BX1f3k2_.js": "public, max-age=31536000, immutable",
        "/static/css/main.3f2a1b4c.css": "public, max-age=31536000, immutable",
        "/assets/plain.js": "max-age=1800",
    }
    assert {path: web.ask(path).headers["cache-control"] for path in kept} == kept


def test_a_hashed_file_that_is_gone_is_not_found(web: Web) -> None:
    gone = web.ask("/assets/index-AAAAAAAA.js")
    assert (gone.status_code, gone.headers.get("cache-control")) == (404, None)


def test_hidden_files_are_not_served(web: Web) -> None:
    assert web.ask("/.env").status_code == 404
    assert web.ask("/.git/config").status_code == 404


def test_text_is_compressed(web: Web) -> None:
    assert web.ask("/assets/index-BX1f3k2_.js").headers["content-encoding"] == "gzip"


def test_a_rate_lets_its_burst_through_and_refuses_the_next(web: Web) -> None:
    with ThreadPoolExecutor(5) as pool:
        statuses = list(pool.map(lambda _: web.ask("/api/limited").status_code, range(12)))
    assert statuses.count(200) in (5, 6)  # one more if twelve seconds have passed
    assert set(statuses) == {200, 429}
    assert web.ask("/api/headers").status_code == 200


def test_a_body_larger_than_its_route_takes_is_refused(web: Web) -> None:
    assert web.changes() == []  # looking must not take nginx's temporary folders away from it
    assert web.ask("/api/upload", method="POST", content=b"x" * 1_000_000).json()["body"] == 1_000_000
    assert web.ask("/api/upload", method="POST", content=b"x" * 1_100_000, http2=False).status_code == 413


def test_queries_are_not_logged(web: Web) -> None:
    token = f"secret-{time.time_ns()}"
    for path in ("/api/headers", "/api/limited", "/"):
        web.ask(f"{path}?token={token}")
    assert "/api/headers" in web.target.succeed("tail -5 /var/log/nginx/access.log")
    web.target.fail(f"grep -r {token} /var/log/nginx")


def test_a_bad_site_is_left_out_and_the_others_are_served(web: Web) -> None:
    apps = {"notes": ["notes.example.test"], "other": ["renamed.example.test"], "new": ["new.example.test"]}
    before = web.target.succeed("cat /etc/nginx/boxkeeper/sites/notes.conf")
    said = web.converge("-y", ok=False, apps=apps, broken=["notes", "new"])
    try:
        assert "site notes: nginx refuses it: too long path in the unix domain socket" in said
        assert "its old version stays" in said
        assert "site new: nginx refuses it" in said
        assert web.target.succeed("cat /etc/nginx/boxkeeper/sites/notes.conf") == before
        assert web.target.succeed("ls /etc/nginx/boxkeeper/sites") == "notes.conf\nother.conf"
        assert web.ask("/").status_code == 200
        assert web.ask("/", host="renamed.example.test").status_code == 404  # it has no files, and it answers
        assert web.changes(apps=apps, broken=["notes", "new"]) == ["nginx: sites"]
    finally:
        web.converge("-y")
    assert web.changes() == []


def test_a_reload_that_was_lost_is_made_up_for(web: Web) -> None:
    web.target.succeed("rm /var/lib/boxkeeper/units/nginx.configuration")  # as if killed before the reload
    assert web.changes() == ["nginx: sites"]
    web.converge("-y")
    assert web.changes() == []


def test_what_was_changed_by_hand_is_put_right(web: Web) -> None:
    web.target.succeed("echo 'return 500;' >/etc/nginx/boxkeeper/sites/stray.conf; echo x >>/etc/nginx/nginx.conf")
    web.converge("-y")
    assert web.target.succeed("ls /etc/nginx/boxkeeper/sites") == "notes.conf\nother.conf"
    assert web.ask("/").status_code == 200


def test_a_stopped_nginx_is_started(web: Web) -> None:
    web.target.succeed("systemctl stop nginx")
    web.converge("-y")
    assert web.ask("/").status_code == 200


def test_old_workers_do_not_pile_up(web: Web) -> None:
    with web.websocket():
        for _ in range(3):
            web.target.succeed("systemctl reload nginx")
            time.sleep(1)
        web.target.wait_until("! pgrep -f '[n]ginx: worker process is shutting down'", 75)


def test_the_unit_is_hardened(web: Web) -> None:
    said = web.target.succeed("systemd-analyze security nginx.service | tail -1")
    assert float(said.split(":")[1].split()[0]) <= 2.6, said


def test_nginx_was_never_restarted(web: Web) -> None:
    assert "2" not in web.target.succeed("systemctl show nginx -p NRestarts --value")


def test_nothing_is_left_over(web: Web) -> None:
    assert web.target.succeed("ls -A /run | grep boxkeeper.nginx || true") == ""
    assert web.target.succeed("find /etc/nginx -name '.boxkeeper*'") == ""
