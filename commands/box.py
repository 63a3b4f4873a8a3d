"""A box of an inventory, reached by SSH for a question or a look: what `boxkeeper status`, `logs` and such stand on.

Carried by Fabric. Whatever changes a box goes through pyinfra instead.
"""

from __future__ import annotations

import contextlib
import io
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Any

import paramiko
from fabric import Connection
from pyinfra.api import StringCommand

from commands.inventory import check, inventory_of, seen
from roles import Fault
from roles.apps import App
from roles.connector import Transport
from roles.program import STALE, answered, full_question, question
from roles.resources import Json
from roles.server import Server

CHUNK = 65536
PATIENCE = 15
"""Seconds that a box has to answer the phone."""


@dataclass(frozen=True)
class Box:
    """A box that we are logged in to."""

    server: Server
    connection: Connection

    def ask(self, kind: str, query: Json) -> Json:
        """What a program of `onbox/` answers to a query that holds no secret."""
        [answer] = self.answers([(kind, query)])
        return answer

    def answers(self, asked: Sequence[tuple[str, Json]]) -> list[Json]:
        """What programs answer to queries that hold no secrets, all in one exec."""
        return self._answers(asked, question, full_question)

    def ask_in_private(self, kind: str, queries: Sequence[Json]) -> list[Json]:
        """What it answers to queries that may hold secrets: they travel on standard input."""
        return self._answers([(kind, query) for query in queries], full_question) if queries else []

    def _answers(self, asked: Sequence[tuple[str, Json]], *ways: Callable[..., StringCommand]) -> list[Json]:
        for worded in ways:
            command = worded(asked)
            code, said, complaint = self._answer(command.get_raw_value(), command.connector_arguments.get("_stdin"))
            if code != 0 or not said:
                raise Fault(f"{self.server.host}: {(complaint or ['no answer'])[-1]}")
            if said[-1] != STALE:
                return answered(said[-1])
        raise AssertionError("a question that brings its programs along is never stale")

    def _answer(self, command: str, sent: Iterable[str] | None) -> tuple[int, list[str], list[str]]:
        """Exit code, output and errors of a command. Not by Fabric's run(), which sends 100 characters a second."""
        stdin, stdout, stderr = self.connection.client.exec_command(self._as_root(command))
        stdin.write("".join(f"{line}\n" for line in sent or ()))
        stdin.channel.shutdown_write()
        said, complaint = stdout.read().decode(), stderr.read().decode()
        return stdout.channel.recv_exit_status(), said.strip().splitlines(), complaint.strip().splitlines()

    def show(self, argv: Sequence[str], sent: bytes | None = None) -> int:
        """Run a command with our own input and output, a dialogue where we have a terminal. Returns its exit code.

        Where something is `sent`, that is its input.
        """
        command = self._as_root(shlex.join(argv))
        if sent is None and sys.stdin.isatty():
            return int(self.connection.run(command, pty=True, warn=True).exited)
        stdin, stdout, _ = self.connection.client.exec_command(command)
        channel = stdin.channel
        given = io.BytesIO(sent) if sent is not None else io.FileIO(sys.stdin.fileno(), closefd=False)
        copies = [
            Thread(target=_copy, args=(lambda: given.read(CHUNK), stdin, channel.shutdown_write), daemon=True),
            Thread(target=_copy, args=(lambda: channel.recv(CHUNK), sys.stdout.buffer)),
            Thread(target=_copy, args=(lambda: channel.recv_stderr(CHUNK), sys.stderr.buffer)),
        ]
        for copy in copies:
            copy.start()
        for copy in copies[1:]:
            copy.join()
        return int(stdout.channel.recv_exit_status())

    def _as_root(self, command: str) -> str:
        return command if self.connection.user == "root" else f"sudo -n -- {command}"


def _copy(source: Callable[[], bytes], to: Any, then: Callable[[], object] = lambda: None) -> None:
    """Bytes from a source to a file until there are no more. A far end that has gone away is an end too."""
    with contextlib.suppress(OSError):
        while chunk := source():
            to.write(chunk)
            to.flush()
        then()


def servers(env: str) -> list[Server]:
    """The boxes of an environment, to look at: without their secrets. Raises Fault for a mistake in its inventory."""
    return seen(inventory_of(env))


def supplied(env: str) -> list[Server]:
    """The boxes of an environment with their secrets. Raises Fault for a mistake in its inventory."""
    return check(inventory_of(env))


def with_app(env: str, name: str, boxes: Callable[[str], list[Server]] = servers) -> tuple[Server, App]:
    """The first box that an app is on. Raises Fault with the names that there are."""
    known = [(server, app) for server in boxes(env) for app in server.apps]
    found = next((pair for pair in known if pair[1].name == name), None)
    if found is None:
        names = ", ".join(sorted({app.name for _, app in known})) or "none"
        raise Fault(f"{env} has no app called {name}; there is {names}")
    return found


@contextlib.contextmanager
def logged_in(server: Server) -> Iterator[Box]:
    """Log in as a run does: the admin first, then whom the provider lets in. Raises Fault with the reason."""
    connection = _connected(server)
    try:
        yield Box(server, connection)
    finally:
        connection.close()


def _connected(server: Server) -> Connection:
    reason = ""
    for port in server.ports:
        for user in server.logins:
            connection = _connection(server, user, port)
            try:
                connection.open()
                return connection
            except paramiko.AuthenticationException:
                reason = (
                    f"lets none of {', '.join(server.logins)} in with your key; `Login(user=..., key=...)` says who"
                )
            except (OSError, paramiko.SSHException) as error:
                reason = _why(error, server, port)
                break
    raise Fault(f"{server.host}: {reason}")


def _why(error: Exception, server: Server, port: int) -> str:
    if "not found in known_hosts" in str(error):
        return f"is not known to this machine yet: log in once, `ssh -p {port} {server.login.user}@{server.host}`"
    if isinstance(error, paramiko.BadHostKeyException):
        return "has another host key than the one known here: somebody in between, or a new box; see `ssh-keygen -R`"
    return f"does not answer on port {port} ({str(error) or type(error).__name__})"


def _connection(server: Server, user: str, port: int) -> Connection:
    login = server.login
    keys = {"key_filename": login.key} if login.key else {}
    connection = Connection(
        server.host,
        user=user,
        port=port,
        connect_timeout=PATIENCE,
        connect_kwargs={**keys, "transport_factory": Transport, "banner_timeout": PATIENCE},
    )
    connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
    if login.known_hosts:
        connection.client.load_host_keys(login.known_hosts)
    else:
        connection.client.load_system_host_keys()
    return connection
