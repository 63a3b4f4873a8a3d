"""PairCam on a real box: every row of what its document asks for, as a client sees it."""

from __future__ import annotations

import base64
import json
import re
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from roles.secrets import Store
from target.box import Target
from target.run import changes, pyinfra
from tests.apps.pair_cam import Line, PairCamSite, Person, Polling, WebSocket, pair

pytestmark = pytest.mark.target
DOMAIN = "cam.localhost"
WAYS = {"websocket": WebSocket, "polling": Polling}


@pytest.fixture(scope="module")
def cam(target: Target) -> PairCamSite:
    return PairCamSite(target, DOMAIN)


def test_every_part_answers(cam: PairCamSite) -> None:
    assert cam.patient("/health").json()["status"] == "ok"
    health = cam.patient("/api/health")
    assert health.status_code == 200
    assert health.json() == {"status": "ok", "database": "ok", "redis": "ok", "turn": "ok"}


def test_health_fails_when_turn_does(cam: PairCamSite) -> None:
    cam.target.succeed("systemctl stop coturn")
    try:
        health = cam.patient("/api/health")
        assert health.status_code == 503
        assert health.json()["turn"] != "ok"
    finally:
        cam.target.succeed("systemctl start coturn")
    cam.target.wait_until("ss -Hlnu | grep -q 127.0.0.1:3478")
    assert cam.patient("/api/health").status_code == 200


def test_the_page_is_fresh_and_hashed_files_are_kept_a_year(cam: PairCamSite) -> None:
    page = cam.ask("/")
    assert (page.status_code, page.http_version) == (200, "HTTP/2")
    assert "<title>PairCam</title>" in page.text
    assert page.headers["Cache-Control"] == "no-cache"
    for script in re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text):
        assert cam.ask(script).headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert cam.ask("/icon.svg").headers["Cache-Control"] == "max-age=1800"
    script = re.findall(r'src="(/assets/[^"]+)"', page.text)[0]
    assert cam.ask(script, headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"] == "gzip"


def test_api_is_the_backend_and_www_leads_to_the_page(cam: PairCamSite) -> None:
    api = cam.patient("/api/health", host=f"api.{DOMAIN}")
    assert api.status_code == 200
    assert cam.patient("/", host=f"api.{DOMAIN}").status_code == 404
    www = cam.ask("/some/page?x=1", host=f"www.{DOMAIN}")
    assert (www.status_code, www.headers["Location"]) == (308, f"https://{DOMAIN}/some/page?x=1")


def test_the_frontend_alone_may_ask_from_another_origin(cam: PairCamSite) -> None:
    for origin, allowed in ((f"https://{DOMAIN}", True), ("https://evil.example.com", False)):
        said = cam.patient("/api/features", host=f"api.{DOMAIN}", headers={"Origin": origin})
        assert (said.headers.get("Access-Control-Allow-Origin") == origin) is allowed


@pytest.mark.parametrize("host", [DOMAIN, f"api.{DOMAIN}"])
def test_one_address_may_ask_five_times_a_second(cam: PairCamSite, host: str) -> None:
    time.sleep(5)
    with ThreadPoolExecutor(20) as many:
        said = [one.status_code for one in many.map(lambda _: cam.ask("/api/features", host=host), range(60))]
    assert set(said) == {200, 429}
    assert 20 <= said.count(200) < 55
    time.sleep(5)


@pytest.mark.parametrize("way", WAYS)
def test_two_people_meet_and_what_one_says_the_other_hears(cam: PairCamSite, way: str) -> None:
    line: Callable[[PairCamSite], Line] = WAYS[way]
    tokens = [cam.guest(), cam.guest()]
    begins, answers = pair([line(cam), line(cam)], tokens)
    begins.say("signal", {"description": {"type": "offer", "sdp": "v=0"}})
    assert answers.hear("signal") == {"description": {"type": "offer", "sdp": "v=0"}}
    answers.say("signal", {"description": {"type": "answer", "sdp": "v=0"}})
    assert begins.hear("signal")["description"]["type"] == "answer"
    begins.say("connected", {"relayed": True})
    begins.say("leave")
    answers.hear("left")
    for person in (begins, answers):
        person.line.close()
    assert re.search(r'^calls_total\{way="relay"\} [1-9]', cam.metrics(), re.M)
    calls = cam.patient("/api/calls", token=tokens[0]).json()["calls"]
    assert [(call["relayed"], bool(call["ended"])) for call in calls] == [(True, True)]


def test_one_by_websocket_and_one_by_polling_meet_too_also_by_the_name_of_the_api(cam: PairCamSite) -> None:
    begins, answers = pair([Polling(cam, f"api.{DOMAIN}"), WebSocket(cam, f"api.{DOMAIN}")], [cam.guest(), cam.guest()])
    begins.say("signal", "one")
    assert answers.hear("signal") == "one"
    begins.line.close()
    answers.hear("left")
    answers.line.close()


def test_nobody_is_connected_without_a_token(cam: PairCamSite) -> None:
    forged = f"e30.{base64.urlsafe_b64encode(b'{}').decode()}.x"
    for token in ("", forged):
        person = Person.connected(WebSocket(cam), token)
        assert json.loads(person.refused)["message"] == "sign in first"
        assert cam.patient("/api/turn", headers={"Authorization": f"Bearer {token or 'x'}"}).status_code == 401


def test_turn_passwords_come_from_the_secret_that_coturn_has_and_relay(cam: PairCamSite) -> None:
    (ours,) = cam.patient("/api/turn", token=cam.guest()).json()["iceServers"]
    assert ours["urls"] == [
        f"turn:{DOMAIN}:3478?transport=udp",
        f"turn:{DOMAIN}:3478?transport=tcp",
        f"turns:{DOMAIN}:5349?transport=tcp",
    ]
    ends = int(ours["username"].partition(":")[0])
    assert 3.9 * 3600 < ends - time.time() <= 4 * 3600
    who = f"-u {ours['username']} -w {ours['credential']}"
    for way in ("", "-t", "-t -S -p 5349"):
        said = cam.target.execute(f"timeout 60 turnutils_uclient {way} -y -c -n 5 {who} {cam.target.address}")[1]
        assert int(re.findall(r"tot_recv_msgs=(\d+)", said)[-1]) >= 5, said


def test_metrics_are_for_this_machine_alone(cam: PairCamSite) -> None:
    cam.patient("/api/health")
    said = cam.metrics()
    assert re.search("^sockets_open [0-9]+$", said, re.M)
    assert 'http_request_seconds_bucket{le="0.5",method="GET",route="/api/health",status="200"}' in said
    listening = cam.target.succeed("ss -Hltn 'sport = :9090' | awk '{print $4}'").split()
    assert listening == ["127.0.0.1:9090"]
    with pytest.raises(OSError, match=r"refused|timed out"):
        socket.create_connection((cam.target.address, 9090), timeout=3)
    for host in (DOMAIN, f"api.{DOMAIN}"):
        assert "http_request_seconds" not in cam.patient("/metrics", host=host).text


def test_the_app_has_the_socket_and_opens_no_port_besides(cam: PairCamSite) -> None:
    ports = cam.target.succeed(f"ss -Hltnp | grep pid={cam.pid}, | awk '{{print $4}}'").split()
    assert ports == ["127.0.0.1:9090"]


def test_its_environment_is_what_the_document_says(cam: PairCamSite) -> None:
    assert len(cam.environment("JWT_SECRET")) == 40
    assert cam.environment("JWT_EXPIRATION") == "7d"
    assert cam.environment("CORS_ORIGINS") == cam.environment("FRONTEND_URL") == f"https://{DOMAIN}"
    assert cam.environment("NODE_ENV") == "production"
    assert cam.environment("STRIPE_SECRET_KEY") == ""
    cam.target.succeed(f"grep -qe {cam.environment('TURN_SHARED_SECRET')} /etc/boxkeeper/turn/secrets.db")


def test_ten_people_call_each_other_before_a_cut_over(cam: PairCamSite) -> None:
    node = "/opt/boxkeeper/node-24/node/node"
    load = f"{node} /srv/pair-cam/current/packages/backend/dist/load.js https://{DOMAIN} 10"
    trust = "NODE_EXTRA_CA_CERTS=/etc/boxkeeper/tls/pair-cam/fullchain.pem"
    cam.target.succeed(f"grep -q {DOMAIN} /etc/hosts || echo 127.0.0.1 {DOMAIN} >>/etc/hosts")
    said = cam.target.succeed(f"{trust} timeout 100 {load}")
    found = re.fullmatch(r"10 people, each heard another; p95 (\d+) ms", said)
    assert found, said


def test_an_optional_key_reaches_the_app_once_it_is_kept(cam: PairCamSite, store: Store) -> None:
    assert cam.patient("/api/features").json()["payments"] is False
    store.set("pair-cam/STRIPE_SECRET_KEY", "sk_test_1")
    done = pyinfra(cam.target, "-y")
    assert done.code == 0, done.output
    assert cam.patient("/api/features").json()["payments"] is True
    assert changes(cam.target) == []
