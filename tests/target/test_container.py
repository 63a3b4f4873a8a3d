"""What a command in a container prints arrives whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from docker import DockerClient
from docker.errors import APIError
from docker.models.containers import Container

from target.container import ask

SAID = b"\x01\0\0\0\0\0\0\x03one\x02\0\0\0\0\0\0\x05 two\n"
"""Two pieces, as an engine frames them: of standard output and of standard error."""


class Engine(BaseHTTPRequestHandler):
    """Answers as an engine does on a busy machine: head and body of an answer in one piece."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/v1.41/containers/stopped/"):
            self._say("409 Conflict", json.dumps({"message": "is not running"}).encode())
        elif self.path.endswith("/start"):
            self._say("200 OK", SAID)
        else:
            self._say("201 Created", b'{"Id": "e1"}')

    def do_GET(self) -> None:
        self._say("200 OK", b'{"ExitCode": 3}')

    def _say(self, status: str, body: bytes) -> None:
        self.close_connection = True
        self.wfile.write(f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n\r\n".encode() + body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def client() -> Iterator[DockerClient]:
    with HTTPServer(("127.0.0.1", 0), Engine) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield DockerClient(base_url=f"tcp://127.0.0.1:{server.server_port}", version="1.41", timeout=5)
        server.shutdown()


def test_an_output_that_comes_in_one_piece_with_the_head_of_the_answer_is_not_lost(client: DockerClient) -> None:
    assert ask(Container(attrs={"Id": "c1"}, client=client), ["true"]) == (3, "one two")


def test_a_container_that_does_not_run_is_an_error_of_the_engine(client: DockerClient) -> None:
    with pytest.raises(APIError, match="is not running"):
        ask(Container(attrs={"Id": "stopped"}, client=client), ["true"])
