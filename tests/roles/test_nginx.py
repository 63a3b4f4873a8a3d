"""What an app's routes become in nginx's words, without a box."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from typing import Any, ClassVar

import pytest

from roles import nginx
from roles.apps import App, Frontend, Git, Process, Rate, Route
from roles.apps.ai_note_taker import AiNoteTaker
from roles.nginx import Features, Nginx, Sites
from roles.server import Server
from roles.tls import Tls

NEW = Features(http2_on=True, hybrid_curve=True, reject_handshake=True, ipv6=True)
OLD = Features(http2_on=False, hybrid_curve=False, reject_handshake=False, ipv6=False)
SOURCE = Git(url="https://example.com/app.git")


def server(*apps: App, **more: Any) -> Server:
    return Server(host="192.0.2.1", **{"nginx": Nginx(), "tls": Tls(), "apps": apps, **more})


def notes(**more: Any) -> AiNoteTaker:
    return AiNoteTaker(**{"domain": "notes.example.com", "source": SOURCE, **more})


def site(app: App, features: Features = NEW, **more: Any) -> str:
    return nginx.site(server(app, **more), app, features).decode()


def locations(text: str) -> dict[str, str]:
    """The body of each `location` by what it matches."""
    parts = text.split("    location ")[1:]
    return {part.partition(" {\n")[0]: part.partition(" {\n")[2].partition("\n    }")[0] for part in parts}


def test_each_route_of_the_note_taker_is_a_location() -> None:
    found = locations(site(notes()))
    assert {"/", "^~ /api/", "= /api/summarize", "= /ws"} <= found.keys()
    upstream = "ai-note-taker.web"
    assert f"proxy_pass http://{upstream};" in found["^~ /api/"]
    assert "proxy_read_timeout 4h;" in found["= /ws"]
    assert "proxy_set_header Connection $connection_upgrade;" in found["= /ws"]
    assert "Upgrade" not in found["^~ /api/"]


def test_static_files_come_from_the_current_release_and_fall_back_to_the_page() -> None:
    app = notes()
    assert app.frontend is not None
    text = site(app)
    assert f"root /srv/ai-note-taker/current/{app.frontend.output};" in text
    assert "try_files $uri $uri/ /index.html;" in text


def test_a_rate_counts_per_address_and_lets_its_burst_through_at_once() -> None:
    text = site(notes())
    assert "limit_req_zone $binary_remote_addr zone=ai-note-taker_2:1m rate=10r/m;" in text
    assert "limit_req zone=ai-note-taker_2 burst=9 nodelay;" in text


def test_a_burst_of_one_is_no_burst() -> None:
    class Strict(AiNoteTaker):
        routes: ClassVar[tuple[Route, ...]] = (Route("/api/", rate=Rate(1, "second", burst=1)),)

    text = site(Strict(domain="a.example.com", source=SOURCE))
    assert "rate=1r/s;" in text
    assert "limit_req zone=ai-note-taker_0;" in text


def test_a_process_is_tried_twice() -> None:
    assert site(notes()).count("server unix:/srv/ai-note-taker/live/web.sock max_fails=0;") == 2


def test_a_page_that_was_opened_before_a_release_still_gets_its_files() -> None:
    text = site(notes())
    assert "try_files $uri @before;" in text
    assert "location @before {\n        root /srv/ai-note-taker/live/release/before/build;" in text


def test_aliases_are_redirected_and_the_challenge_is_answered_for_all_names() -> None:
    text = site(notes(aliases=("www.example.com",)))
    plain, alias, main = text.split("\nserver {")[1:]
    assert "server_name notes.example.com www.example.com;" in plain
    assert "/.well-known/acme-challenge/" in plain
    assert "server_name www.example.com;" in alias
    assert "return 308 https://notes.example.com$request_uri;" in alias
    assert "server_name notes.example.com;" in main


def test_a_site_for_some_addresses_answers_them_only_and_the_challenges_of_the_ca_still() -> None:
    text = site(notes(allow=("10.0.0.2", "fd00::/64"), aliases=("www.example.com",)))
    plain, alias, main = text.split("\nserver {")[1:]
    rules = "    allow 10.0.0.2;\n    allow fd00::/64;\n    deny all;\n"
    assert rules in alias
    assert rules in main
    assert "deny" not in plain
    assert "deny" not in site(notes())


@pytest.mark.parametrize("address", ["10.0.0.300", "10.0.0.2; allow all", "example.com", "10.0.0.2/8"])
def test_an_address_that_is_none_is_a_fault(address: str) -> None:
    (said,) = notes(allow=(address,)).faults
    assert "is no address; write it like `10.0.0.2`" in said


class Call(App):
    title: ClassVar[str] = "Call"
    processes: ClassVar[tuple[Process, ...]] = (Process("web", "none"),)
    routes: ClassVar[tuple[Route, ...]] = (Route("/"),)
    subdomains: ClassVar[dict[str, str | Route]] = {"api": Route("/", rate=Rate(5, "second")), "ws": "web"}


def test_a_subdomain_goes_to_one_process_at_its_own_rate() -> None:
    text = site(Call(name="call", domain="call.example.com", source=SOURCE))
    assert "limit_req_zone $binary_remote_addr zone=call_api:1m rate=5r/s;" in text
    api, ws = text.partition("server_name api.call.example.com;")[2].split("server_name ws.call.example.com;")
    assert "limit_req zone=call_api burst=4 nodelay;" in api
    upstream = "call.web"
    assert f"proxy_pass http://{upstream};" in api
    assert "limit_req" not in ws
    assert "proxy_set_header Upgrade $http_upgrade;" in ws


def test_an_app_without_a_frontend_serves_no_files() -> None:
    class Api(AiNoteTaker):
        frontend: ClassVar[Frontend | None] = None  # type: ignore[assignment]
        routes: ClassVar[tuple[Route, ...]] = (Route("/"),)

    text = site(Api(domain="a.example.com", source=SOURCE))
    assert "try_files $uri $uri/" not in text
    assert "root /srv" not in text
    assert "proxy_pass" in locations(text)["/"]


def test_an_old_nginx_gets_words_that_it_knows() -> None:
    old = nginx.main(server(notes()), OLD).decode() + site(notes(), OLD)
    assert "listen 443 ssl http2" in old
    for new in ("http2 on;", "X25519MLKEM768", "ssl_reject_handshake", "[::]"):
        assert new not in old
        assert new in nginx.main(server(notes()), NEW).decode() + site(notes(), NEW)
    assert "ssl_certificate /etc/boxkeeper/tls/_stranger/fullchain.pem;" in old


@pytest.mark.parametrize(("certificates", "there"), [("acme", True), ("self-signed", False)])
def test_hsts_is_sent_where_a_ca_vouches(certificates: str, there: bool) -> None:
    text = nginx.main(server(notes(), tls=Tls(certificates=certificates)), NEW).decode()
    assert ('"max-age=63072000"' in text) is there


def test_what_a_client_says_about_itself_is_replaced() -> None:
    text = nginx.tree(server(notes()), NEW)["boxkeeper/proxy.conf"].decode()
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in text
    assert "$proxy_add_x_forwarded_for" not in text
    assert "$http_" not in text


def found(features: Features | None, files: dict[str, bytes], current: bool = True) -> dict[str, Any]:
    hashes = {path: hashlib.sha256(text).hexdigest() for path, text in files.items()}
    return {"features": features and dataclasses.asdict(features), "files": hashes, "current": current}


def test_without_nginx_that_is_all_that_differs() -> None:
    sites = Sites(server(notes()))
    assert sites.differences(found(None, {})) == ["nginx is not installed yet"]
    assert sites.payload(found(None, {})) == {"tree": {}}


def test_a_box_as_wanted_differs_in_nothing() -> None:
    box = server(notes())
    assert Sites(box).differences(found(OLD, nginx.tree(box, OLD))) == []


def test_an_upgraded_nginx_gets_the_new_words() -> None:
    box = server(notes())
    differing = Sites(box).differences(found(NEW, nginx.tree(box, OLD)))
    assert differing == ["nginx.conf: content", "boxkeeper/sites/ai-note-taker.conf: content"]


def test_missing_changed_and_foreign_files_are_named() -> None:
    box = server(notes())
    tree = nginx.tree(box, NEW)
    del tree["boxkeeper/proxy.conf"]
    tree |= {"nginx.conf": b"", "boxkeeper/sites/old.conf": b""}
    assert Sites(box).differences(found(NEW, tree)) == [
        "boxkeeper/proxy.conf: is missing",
        "nginx.conf: content",
        "boxkeeper/sites/old.conf: is there",
    ]


def test_an_nginx_that_was_not_told_is() -> None:
    box = server(notes())
    stale = found(NEW, nginx.tree(box, NEW), current=False)
    assert Sites(box).differences(stale) == ["nginx runs with an older configuration or certificate"]
    sent = Sites(box).payload(stale)["tree"]
    assert {path: base64.b64decode(text) for path, text in sent.items()} == nginx.tree(box, NEW)
