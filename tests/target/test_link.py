"""A link is as far away as it says, as fast as it was, and ends when told to. No machine needed."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from target.link import Link


@contextmanager
def echo() -> Iterator[tuple[str, int]]:
    """A server that sends back what it gets, and closes after the client has stopped sending."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        yield server.getsockname()


def _serve(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_send_back, args=(connection,), daemon=True).start()


def _send_back(connection: socket.socket) -> None:
    with connection:
        try:
            while chunk := connection.recv(65536):
                connection.sendall(chunk)
        except OSError:
            return


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def _read(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size and (chunk := connection.recv(65536)):
        received += chunk
    return received


def shortest(tries: Sequence[Callable[[], object]]) -> float:
    """Seconds of the quickest: on a machine that is busy with other things, any one of them may take longer."""
    took = []
    for one in tries:
        started = time.monotonic()
        one()
        took.append(time.monotonic() - started)
    return min(took)


def ping(client: socket.socket) -> None:
    client.sendall(b"ping")
    assert client.recv(4) == b"ping"


def test_a_round_trip_takes_two_delays() -> None:
    with echo() as place, Link(place, delay=0.05) as port, _connect(port) as client:
        ping(client)  # the first also pays for the handshake
        assert 0.1 <= shortest([lambda: ping(client)] * 9) < 0.15


def test_a_new_connection_pays_for_its_handshake() -> None:
    def call() -> None:
        with _connect(port) as client:
            ping(client)

    with echo() as place, Link(place, delay=0.05) as port:
        assert 0.2 <= shortest([call] * 9) < 0.25


def test_distance_does_not_slow_a_long_transfer() -> None:
    size = 20_000_000
    with echo() as place, Link(place, delay=0.025) as port, _connect(port) as client:
        started = time.monotonic()
        sender = threading.Thread(target=client.sendall, args=(b"x" * size,))
        sender.start()
        received = _read(client, size)
        sender.join()
        assert len(received) == size
        assert time.monotonic() - started < 3  # a sleep per 64 KiB chunk would take 15 s


def test_bytes_arrive_in_order_and_whole_after_one_side_has_stopped_sending() -> None:
    sent = bytes(range(256)) * 2000
    with echo() as place, Link(place, delay=0.005) as port, _connect(port) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        assert _read(client, len(sent) + 1) == sent


def test_a_cut_breaks_what_is_open_and_lets_new_connections_in() -> None:
    with echo() as place:
        link = Link(place, delay=0.001)
        with link as port:
            with _connect(port) as client:
                client.sendall(b"ping")
                assert client.recv(4) == b"ping"
                link.cut()
                with pytest.raises(ConnectionError):
                    assert client.recv(1)  # an orderly end would be no cut
            with _connect(port) as client:
                client.sendall(b"pong")
                assert client.recv(4) == b"pong"


def test_a_place_where_nothing_listens_ends_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()
    with Link(place, delay=0.001) as port, _connect(port) as client, pytest.raises(ConnectionError):
        assert client.recv(1)


def test_nothing_is_left_after_the_block() -> None:
    with echo() as place, Link(place, delay=0.001) as port, _connect(port) as client:
        client.sendall(b"ping")
        client.recv(4)
    with pytest.raises(ConnectionRefusedError):
        _connect(port)
    assert not [thread for thread in threading.enumerate() if thread.name == "link"]
