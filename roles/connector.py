"""How a run reaches a box: pyinfra's own SSH, with three additions.

- TCP_NODELAY. paramiko leaves Nagle's algorithm on, which costs an exec 45.8 instead of 2.7 ms on loopback and 196
  instead of 105 ms at 50 ms round trip.
- Two logins. A rented box lets root in; once the ssh role is done it lets only the admin in. The admin is tried first.
- Two ports, likewise, where the ssh role is to move sshd to another one.
"""

from __future__ import annotations

import logging
import socket
import time
from pathlib import Path
from typing import Any, TextIO

import paramiko
from pyinfra.api.command import StringCommand
from pyinfra.api.exceptions import ConnectError
from pyinfra.connectors import util
from pyinfra.connectors.base import DataMeta
from pyinfra.connectors.ssh import ConnectorData, SSHConnector, connector_data_meta
from pyinfra.connectors.util import CommandOutput, OutputLine

WAITS = (8, 12)
"""Seconds between tries. OpenSSH's PerSourcePenalties start at 15 s; three wrong keys within seconds are enough."""

# paramiko prints the traceback of its own thread besides raising the error, which pyinfra says in one line.
logging.getLogger("paramiko.transport").setLevel(logging.CRITICAL)


class _PasswordWanted(Exception):
    """sudo asks for a password."""


def _ask_nobody(prompt: str = "", stream: TextIO | None = None) -> str:
    raise _PasswordWanted


util.getpass = _ask_nobody
"""pyinfra would ask for it. The admin has none, and a script no terminal: the command fails instead, and says so."""


class Transport(paramiko.Transport):
    """paramiko's transport on a socket that sends at once."""

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        if isinstance(sock, socket.socket):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(sock, *args, **options)


def _failed(why: str) -> tuple[bool, CommandOutput]:
    """How a command ended that could not be run."""
    return False, CommandOutput([OutputLine("stderr", why)])


class BoxData(ConnectorData):
    box_logins: list[str]
    box_ports: list[int]


class BoxConnector(SSHConnector):
    """`@box/ADDRESS`: logs in as the first of `box_logins` that the box accepts; becomes root by sudo if need be."""

    data_cls = BoxData  # type: ignore[assignment]  # a TypedDict of more keys is no subtype for mypy
    data: BoxData
    data_meta = {  # noqa: RUF012
        **connector_data_meta,
        "box_logins": DataMeta("Users to log in as, the preferred one first"),
        "box_ports": DataMeta("Ports to connect to, the preferred one first"),
    }

    @staticmethod
    def make_names_data(name: str) -> Any:
        yield f"@box/{name}", {"ssh_hostname": name}, []

    def make_paramiko_kwargs(self) -> dict[str, Any]:
        return {**super().make_paramiko_kwargs(), "transport_factory": Transport}

    def connect(self) -> None:
        ports = self.data["box_ports"]
        for port in ports:
            self.data["ssh_port"] = port
            try:
                self._log_in()
                return
            except ConnectError as error:
                # Nobody listens there yet: a box whose sshd is still to be moved to the preferred port.
                if "Could not connect" not in str(error) or port == ports[-1]:
                    raise

    def _log_in(self) -> None:
        # pyinfra writes a new box's keys to ~/.ssh/known_hosts, and does not make the folder
        Path("~/.ssh").expanduser().mkdir(mode=0o700, parents=True, exist_ok=True)
        logins = self.data["box_logins"]
        for user in logins:
            self.data["ssh_user"] = user
            try:
                self._connect_patiently()
                return
            except ConnectError as error:
                # pyinfra keeps paramiko's reason only in the sentence
                if "Authentication error" not in str(error) or user == logins[-1]:
                    raise

    def _connect_patiently(self) -> None:
        """sshd 9.8 and later turn an address away for a while after failed logins: wait that out."""
        for seconds in (*WAITS, 0):
            try:
                super().connect()
                return
            except ConnectError as error:
                if "banner" not in str(error) or not seconds:
                    raise
                self.host.log(f"hangs up at once, as after failed logins; trying again in {seconds} s")
                time.sleep(seconds)

    def run_shell_command(
        self, command: StringCommand, print_output: bool = False, print_input: bool = False, **arguments: Any
    ) -> tuple[bool, CommandOutput]:
        # pyinfra merges what a command brings along (its standard input) for operations, but not for facts
        arguments.update(command.connector_arguments)
        if self.data["ssh_user"] != "root":
            arguments["_sudo"] = True
        try:
            done: tuple[bool, CommandOutput] = super().run_shell_command(
                command, print_output, print_input, **arguments
            )
        except _PasswordWanted:
            return _failed("sudo asks for a password")
        except (EOFError, OSError, paramiko.SSHException) as error:
            lost = f"the connection was lost ({str(error) or type(error).__name__})"
            return _failed(f"{lost}; what was done stays, and the same line goes on")
        return done

    def become_root(self) -> tuple[bool, CommandOutput]:
        """See that this login can do what a run needs."""
        return self.run_shell_command(StringCommand("true"))
