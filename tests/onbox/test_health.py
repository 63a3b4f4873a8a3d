"""Whether an app is healthy, by what it answers at its own socket; and why not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from onbox import health, slots, units
from onbox.shell import Failed
from tests.onbox.box import Box

DOOR = {"path": "/health", "host": "app.example.com", "units": ["app-web@1.service"]}
SS = 'LISTEN 0 2048 127.0.0.1:8000 0.0.0.0:* users:(("python",pid=4242,fd=6))\n'


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Callable[[bytes], dict[str, object]]]:
    """An app that gives one answer to whoever asks."""
    heard: list[bytes] = []
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "s"))
    server.listen()

    def serve(answer: bytes) -> None:
        while True:
            try:
                link, _ = server.accept()
            except OSError:
                return
            with link:
                heard.append(link.recv(1000))
                link.sendall(answer)

    def answers(answer: bytes) -> dict[str, object]:
        threading.Thread(target=serve, args=(answer,), daemon=True).start()
        return {**DOOR, "socket": str(tmp_path / "s"), "heard": heard}

    yield answers
    server.shutdown(socket.SHUT_RDWR)
    server.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that goes on by what is waited for."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "302 Found"])
def test_an_app_that_answers_is_healthy(app: Callable[[bytes], dict[str, object]], status: str) -> None:
    door = app(f"HTTP/1.1 {status}\r\n\r\n".encode())
    assert health._refusal(door, 1) == ""
    assert door["heard"] == [b"GET /health HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\nno database", "503 no database"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "404"),
        (b"", "no answer"),
        (b"SSH-2.0-x", "no answer"),
    ],
)
def test_what_else_it_says_is_the_reason(app: Callable[[bytes], dict[str, object]], answer: bytes, said: str) -> None:
    assert health._refusal(app(answer), 1) == said


def test_an_app_without_its_socket_is_not_healthy(tmp_path: Path) -> None:
    assert health._refusal({**DOOR, "socket": str(tmp_path / "none")}, 1) == "[Errno 2] No such file or directory"


def refuses(monkeypatch: pytest.MonkeyPatch, reason: str, deaths: Sequence[int] = ()) -> Iterator[int]:
    """An app that says no, and has died so often. Returns what of that was not asked."""
    counts = iter(deaths)
    monkeypatch.setattr(health, "_refusal", lambda *_: reason)
    monkeypatch.setattr(health, "_deaths", lambda _: next(counts, 0))
    return counts


def test_one_that_never_gets_healthy_is_waited_for_a_minute(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    refuses(monkeypatch, "503 no database")
    monkeypatch.setattr(health, "_listens_elsewhere", lambda _: "")
    assert health.wait(DOOR) == "GET /health: 503 no database"
    assert health.PATIENCE < clock[0] < health.PATIENCE + 1


def test_one_that_ends_again_and_again_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    left = refuses(monkeypatch, "[Errno 111] Connection refused", [7, 8, 9, 10, 11])
    assert health.wait(DOOR) == "it ends right after it starts"
    assert list(left) == [11]
    assert clock[0] < 1


def test_one_that_ends_before_it_takes_its_connection_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = iter([7, 8, 10, 10])
    monkeypatch.setattr(health, "_deaths", lambda _: next(counts))
    with socket.socket(socket.AF_UNIX) as held:  # by systemd, whoever else ends
        held.bind(str(tmp_path / "s"))
        held.listen()
        began = time.monotonic()
        assert health.wait({**DOOR, "socket": str(tmp_path / "s")}) == "it ends right after it starts"
    assert time.monotonic() - began < health.ANSWER / 2


def listening(monkeypatch: pytest.MonkeyPatch, pids: list[str]) -> None:
    def said(argv: Sequence[str]) -> str:
        return SS if argv[0] == "ss" else "ControlGroup=/boxkeeper.slice/app-web@1.service\n"

    monkeypatch.setattr(health, "said", said)
    monkeypatch.setattr(units, "said", said)
    monkeypatch.setattr(units, "_words", lambda path: pids if path.endswith("app-web@1.service/cgroup.procs") else [])


def test_one_that_listens_elsewhere_is_told_what_to_write(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    refuses(monkeypatch, "timed out")
    listening(monkeypatch, ["4242"])
    assert health.wait(DOOR).startswith("it listens on TCP port 8000, and requests come by the socket")
    assert health.HEARD < clock[0] < health.HEARD + 1


@pytest.mark.parametrize(("pid", "reason"), [("424", "timed out"), ("4242", "503 no database")])
def test_a_port_of_others_or_beside_its_socket_is_none_of_that(
    monkeypatch: pytest.MonkeyPatch, clock: list[float], pid: str, reason: str
) -> None:
    refuses(monkeypatch, reason)
    listening(monkeypatch, [pid])
    assert health.wait(DOOR) == f"GET /health: {reason}"


def test_a_version_is_asked_at_the_socket_of_its_slot(box: Box) -> None:
    box.release("a")
    slot = slots.Slot("app", 1)
    assert health.door(slot) == {
        **{"process": "web", "path": "/", "host": "app.example.com"},
        **{"socket": f"{box.home}/slots/1/web.sock", "units": ["app-web@1.service"]},
    }


def test_an_app_without_a_web_process_has_nobody_to_ask(box: Box) -> None:
    box.wants({"worker": "worker"})
    box.release("a", health=None)
    assert health.door(slots.Slot("app", 1)) is None
    assert health.observe([{"app": "app"}]) == [""]
    health.apply({"app": "app"})


def test_where_nothing_is_live_that_is_the_reason(box: Box) -> None:
    assert health.observe([{"app": "app"}]) == ["no release is live"]
    with pytest.raises(Failed, match="no release is live"):
        health.apply({"app": "app"})
