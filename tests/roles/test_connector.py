"""How a box is reached: without delay, as the admin first, as root in the end, and patiently."""

from __future__ import annotations

import socket
import time
from types import SimpleNamespace
from typing import Any, cast

import paramiko
import pytest
from pyinfra.api import Host, StringCommand
from pyinfra.api.exceptions import ConnectError
from pyinfra.connectors import util
from pyinfra.connectors.ssh import SSHConnector

from roles.connector import BoxConnector, Transport


def test_small_packets_are_sent_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
        Transport(client)
        assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_pyinfra_is_told_to_use_that_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SSHConnector, "make_paramiko_kwargs", lambda self: {"timeout": 10})
    assert box().make_paramiko_kwargs() == {"timeout": 10, "transport_factory": Transport}
    assert issubclass(Transport, paramiko.Transport)


def test_a_box_is_named_by_its_address() -> None:
    assert list(BoxConnector.make_names_data("192.0.2.1")) == [("@box/192.0.2.1", {"ssh_hostname": "192.0.2.1"}, [])]


def box(logins: tuple[str, ...] = ("admin", "root"), ports: tuple[int, ...] = (22,)) -> BoxConnector:
    made = object.__new__(BoxConnector)
    made.data = {"box_logins": list(logins), "box_ports": list(ports)}  # type: ignore[typeddict-item]
    made.host = cast(Host, SimpleNamespace(log=lambda line: None))
    return made


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    return []


def answers(monkeypatch: pytest.MonkeyPatch, tried: list[tuple[str, int]], says: dict[tuple[str, int], str]) -> None:
    """Let a box answer each user and port with an error, or let it in."""

    def connect(self: Any) -> None:
        tried.append((self.data["ssh_user"], self.data["ssh_port"]))
        if reason := says.get(tried[-1], ""):
            raise ConnectError(reason)

    monkeypatch.setattr(SSHConnector, "connect", connect)


def test_the_admin_is_tried_first(monkeypatch: pytest.MonkeyPatch, tried: list[tuple[str, int]]) -> None:
    answers(monkeypatch, tried, {})
    made = box()
    made.connect()
    assert tried == [("admin", 22)]
    assert made.data["ssh_user"] == "admin"


def test_a_new_box_lets_in_whom_the_provider_named(
    monkeypatch: pytest.MonkeyPatch, tried: list[tuple[str, int]]
) -> None:
    answers(monkeypatch, tried, {("admin", 22): "Authentication error for admin: refused"})
    made = box()
    made.connect()
    assert tried == [("admin", 22), ("root", 22)]
    assert made.data["ssh_user"] == "root"


def test_a_box_that_lets_nobody_in_is_an_error(monkeypatch: pytest.MonkeyPatch, tried: list[tuple[str, int]]) -> None:
    answers(monkeypatch, tried, {("admin", 22): "Authentication error", ("root", 22): "Authentication error"})
    with pytest.raises(ConnectError):
        box().connect()
    assert len(tried) == 2


@pytest.mark.parametrize("reason", ["Host key for 192.0.2.1 does not match", "SSH error (timed out)"])
def test_any_other_error_is_not_answered_with_another_login(
    monkeypatch: pytest.MonkeyPatch, tried: list[tuple[str, int]], reason: str
) -> None:
    """A host key that does not match must not be offered a second name, let alone another key."""
    answers(monkeypatch, tried, {("admin", 22): reason})
    with pytest.raises(ConnectError, match=reason.split("(")[0]):
        box().connect()
    assert tried == [("admin", 22)]


def test_a_port_where_nobody_listens_yet_is_answered_with_the_next(
    monkeypatch: pytest.MonkeyPatch, tried: list[tuple[str, int]]
) -> None:
    answers(monkeypatch, tried, {("admin", 2222): "Could not connect (refused)"})
    box(ports=(2222, 22)).connect()
    assert tried == [("admin", 2222), ("admin", 22)]


def test_a_box_that_hangs_up_at_once_is_given_time(
    monkeypatch: pytest.MonkeyPatch, tried: list[tuple[str, int]]
) -> None:
    answers(monkeypatch, tried, {("admin", 22): "Error reading SSH protocol banner"})
    with pytest.raises(ConnectError, match="banner"):
        box().connect()
    assert tried == [("admin", 22)] * 3


@pytest.mark.parametrize(("user", "sudo"), [("root", False), ("admin", True)])
def test_a_command_becomes_root_and_brings_its_standard_input(
    monkeypatch: pytest.MonkeyPatch, user: str, sudo: bool
) -> None:
    """pyinfra passes on what a command of a fact brings along only for operations."""
    given: dict[str, Any] = {}

    def run(self: Any, command: StringCommand, *_: bool, **arguments: Any) -> tuple[bool, None]:
        given.update(arguments)
        return True, None

    monkeypatch.setattr(SSHConnector, "run_shell_command", run)
    made = box()
    made.data["ssh_user"] = user
    made.run_shell_command(StringCommand("true", _stdin=["secret"]))
    assert given["_stdin"] == ["secret"]
    assert given.get("_sudo", False) is sudo


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (EOFError(), "the connection was lost (EOFError); what was done stays, and the same line goes on"),
        (paramiko.SSHException("SSH session not active"), "the connection was lost (SSH session not active)"),
        (ConnectionResetError("reset"), "the connection was lost (reset)"),
    ],
)
def test_a_connection_that_is_lost_is_one_line(monkeypatch: pytest.MonkeyPatch, error: Exception, said: str) -> None:
    def run(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(SSHConnector, "run_shell_command", run)
    made = box()
    made.data["ssh_user"] = "root"
    done, output = made.run_shell_command(StringCommand("true"))
    assert (done, output.stderr.startswith(said)) == (False, True), output.stderr


def test_nobody_is_asked_for_a_password_of_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: Any, **__: Any) -> Any:
        util.getpass("sudo password: ")

    monkeypatch.setattr(SSHConnector, "run_shell_command", run)
    made = box()
    made.data["ssh_user"] = "admin"
    done, output = made.run_shell_command(StringCommand("true"))
    assert (done, output.stderr) == (False, "sudo asks for a password")
