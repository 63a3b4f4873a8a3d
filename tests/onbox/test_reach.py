"""Whether a domain leads here is asked as a CA asks: DNS, every address, HTTP."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from onbox import dns, reach

NAME = "notes.example.com"
Records = dict[str, list[str]]


@contextmanager
def name_server(records: Records, code: int = 0, alias: bool = False, cut: int = 512) -> Iterator[tuple[str, int]]:
    """Answers A and AAAA with `records`, on 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                question, client = link.recvfrom(512)
                if not question:
                    return
                link.sendto(answer(question, records, code, alias)[:cut], client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield link.getsockname()
        link.sendto(b"", link.getsockname())
        thread.join(2)


def answer(question: bytes, records: Records, code: int, alias: bool) -> bytes:
    kind = "A" if question[-4:-2] == b"\0\1" else "AAAA"
    family = socket.AF_INET if kind == "A" else socket.AF_INET6
    data = [(dns.CODES[kind], socket.inet_pton(family, each)) for each in records.get(kind, [])]  # type: ignore[index]
    entries = [(5, b"\3www\xc0\x0c"), *data] if alias else data
    packed = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", number, 1, 60, len(text)) + text for number, text in entries)
    return question[:2] + struct.pack(">5H", 0x8180 | code, 1, len(entries), 0, 0) + question[12:] + packed


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def web_server(folder: Path, address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    kind = type(
        "Server", (ThreadingHTTPServer,), {"address_family": socket.AF_INET6 if ":" in address else socket.AF_INET}
    )
    with kind((address, port), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def webroot(tmp_path: Path) -> Path:
    (tmp_path / "mine" / reach.PATH.strip("/")).mkdir(parents=True)
    return tmp_path / "mine"


def test_a_name_whose_every_address_answers_with_the_token_leads_here(webroot: Path) -> None:
    with web_server(webroot) as port, name_server({"A": ["127.0.0.1"]}) as names:
        assert reach.obstacle([NAME], str(webroot), [names], port) == ""
    assert list((webroot / reach.PATH.strip("/")).iterdir()) == []


def test_an_alias_in_dns_is_followed(webroot: Path) -> None:
    with web_server(webroot) as port, name_server({"A": ["127.0.0.1"]}, alias=True) as names:
        assert reach.obstacle([NAME], str(webroot), [names], port) == ""


def test_one_address_of_somebody_else_is_enough_to_wait(webroot: Path, tmp_path: Path) -> None:
    both = name_server({"A": ["127.0.0.1", "127.0.0.2"]})
    with web_server(webroot) as port, web_server(tmp_path, "127.0.0.2", port), both as names:
        said = reach.obstacle([NAME], str(webroot), [names], port)
    assert said.startswith(f"{NAME} leads to 127.0.0.2 (A record), where another web server answers (404)")


def test_a_stale_aaaa_record_is_named(webroot: Path) -> None:
    with web_server(webroot) as port, name_server({"A": ["127.0.0.1"], "AAAA": ["::1"]}) as names:
        said = reach.obstacle([NAME], str(webroot), [names], port)
    assert said.startswith(f"{NAME} leads to ::1 (AAAA record), where nothing answers on port {port}")


def test_what_is_no_web_server_is_named(webroot: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as odd, name_server({"A": ["127.0.0.1"]}) as names:
        threading.Thread(target=lambda: odd.accept()[0].sendall(b"220 mail\r\n"), daemon=True).start()
        said = reach.obstacle([NAME], str(webroot), [names], odd.getsockname()[1])
    assert "is no web server" in said or "nothing answers" in said


def test_a_name_without_an_address_is_said_to_have_none(webroot: Path) -> None:
    for code in (0, 3):
        with name_server({}, code) as names:
            assert reach.obstacle([NAME], str(webroot), [names]) == f"{NAME} has no address in DNS yet"


def test_a_broken_name_server_is_named_and_the_next_one_asked(webroot: Path) -> None:
    with name_server({}, code=2) as broken, web_server(webroot) as port, name_server({"A": ["127.0.0.1"]}) as names:
        assert reach.obstacle([NAME], str(webroot), [broken]) == f"{NAME}: name server 127.0.0.1: SERVFAIL"
        assert reach.obstacle([NAME], str(webroot), [broken, names], port) == ""


def test_a_silent_name_server_is_named(webroot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns, "PATIENCE", 0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        assert (
            reach.obstacle([NAME], str(webroot), [silent.getsockname()]) == f"{NAME}: name server 127.0.0.1: timed out"
        )


@pytest.mark.parametrize("cut", range(0, 90, 4))
def test_an_answer_that_is_cut_short_is_no_crash(cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns, "PATIENCE", 0.1)
    server = name_server({"A": ["192.0.2.1", "192.0.2.2"]}, alias=True, cut=cut)
    with server as names, contextlib.suppress(dns.Unanswered):
        assert set(dns.addresses(NAME, "A", [names])) <= {"192.0.2.1", "192.0.2.2"}


@contextmanager
def edge(answers: dict[str, tuple[int, dict[str, str]]]) -> Iterator[int]:
    """A CDN's own answers, by the beginning of the path."""

    class Edge(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers = next(answer for path, answer in answers.items() if self.path.startswith(path))
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value.format(path=self.path))
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Edge) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@contextmanager
def secure_server(folder: Path, keys: Path) -> Iterator[int]:
    """The same files by HTTPS, with a certificate that nobody trusts."""
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout {keys}/key -out {keys}/crt".split()
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys / "crt", keys / "key")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_cdn_that_asks_to_come_again_by_https_is_followed_as_a_ca_does(webroot: Path, tmp_path: Path) -> None:
    onward = edge({"/": (301, {"Location": f"https://{NAME}{{path}}"})})
    names = name_server({"A": ["127.0.0.1"]})
    with onward as port, secure_server(webroot, tmp_path) as secure_port, names as server:
        assert reach.obstacle([NAME], str(webroot), [server], port, secure_port) == ""


def test_one_that_sends_elsewhere_is_not_followed(webroot: Path) -> None:
    away = edge({"/": (301, {"Location": "https://other.example.com{path}"})})
    with away as port, name_server({"A": ["127.0.0.1"]}) as names:
        assert "where another web server answers (301)" in reach.obstacle([NAME], str(webroot), [names], port, 1)


@pytest.mark.parametrize(
    ("status", "says"),
    [(403, "exempt /.well-known/acme-challenge/"), (522, "must be this box's address"), (526, "TLS mode to Full")],
)
def test_what_cloudflares_own_errors_mean_is_said(webroot: Path, status: int, says: str) -> None:
    with edge({"/": (status, {"Server": "cloudflare"})}) as port, name_server({"A": ["127.0.0.1"]}) as names:
        said = reach.obstacle([NAME], str(webroot), [names], port)
    assert f"where Cloudflare answers {status}: " in said
    assert says in said


def test_past_a_cdn_nobody_gets_through_a_firewall_that_admits_only_the_cdn(webroot: Path) -> None:
    with web_server(webroot) as port, name_server({"A": ["127.0.0.1"]}) as names:
        only = ["192.0.2.0/24", "2001:db8::/32"]
        said = reach.obstacle([NAME], str(webroot), [names], port, only=only)
        assert said == f"{NAME} leads to 127.0.0.1 (A record), past the CDN, and the firewall lets in only the CDN"
        assert reach.obstacle([NAME], str(webroot), [names], port, only=[*only, "127.0.0.0/8"]) == ""
