"""The container behind a target: how it is made, and when it counts as a box that is up."""

import re
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from docker import DockerClient
from docker.errors import APIError, create_api_error_from_http_exception
from docker.models.containers import Container
from requests import HTTPError

from roles import Fault
from target import CHECKOUT, LABEL, STATE
from target.recipe import environment

_START_SECONDS = 90
_IPV6 = Path("/proc/sys/net/ipv6")
_ALWAYS = ("22/tcp", "80/tcp", "443/tcp")
_FIXED = {"boxkeeper": {"22/tcp": 2222, "80/tcp": 8080, "443/tcp": 8443}}


def make(client: DockerClient, name: str, image: str, publish: Sequence[str]) -> Container:
    """A container that can run systemd, made but not started; it comes back by itself after a reboot.

    Raises Fault, with the engine's reason.
    """
    try:
        return _create(client, name, image, publish, drop=["SYS_RESOURCE"])
    except APIError as error:
        # Where the machine lacks that capability, old engines want it dropped and new ones (26) refuse to.
        if "CapDrop" not in str(error):
            raise Fault(f"target {name} cannot be made: {error.explanation}") from error
        return _create(client, name, image, publish, drop=[])


def _create(client: DockerClient, name: str, image: str, publish: Sequence[str], drop: list[str]) -> Container:
    return client.containers.create(
        image,
        name=name,
        hostname=name,
        labels={LABEL: name, CHECKOUT: str(STATE)},
        # `--privileged` fails on a machine that itself lacks SYS_RESOURCE. Among ALL, SYS_PTRACE is what
        # units with PrivateUsers= need (redis-server, for one); others are for mounts and nftables.
        cap_add=["ALL"],
        cap_drop=drop,
        security_opt=["seccomp=unconfined", "apparmor=unconfined"],
        cgroupns="private",
        tmpfs={"/run": "", "/run/lock": "", "/tmp": "exec"},
        environment={"container": "docker", **environment()},
        restart_policy={"Name": "always"},
        # Docker turns IPv6 off, loopback included, in a network that has none; a rented box has it.
        sysctls={"net.ipv6.conf.all.disable_ipv6": "0"} if _IPV6.exists() else {},
        ports=dict(_ports(name, publish)),
    )


def start(container: Container) -> None:
    """Start it, or raise Fault with the reason. One that never ran is removed: its ports may be taken."""
    try:
        container.start()
    except APIError as error:
        if container.attrs["State"]["Status"] == "created":
            container.remove(force=True)
        taken = re.search(r"127\.0\.0\.1:(\d+)\b.*already (?:in use|allocated)", str(error.explanation))
        reason = _taken(taken[1]) if taken else f"target {container.name} does not start: {error.explanation}"
        raise Fault(reason) from error


def _taken(port: str) -> str:
    """Who has a port of this machine that a target wants, and what to type."""
    with suppress(OSError):
        said = subprocess.run(["ss", "-Hltnp", f"sport = :{port}"], capture_output=True, text=True, check=False).stdout
        found = re.search(r'"([^"]+)",pid=(\d+)', said)
        if found and found[1] != "docker-proxy":
            who = f"by {found[1]}: `kill {found[2]}` ends it"
            return (
                f"port {port} of this machine is taken {who}, `BOXKEEPER_TARGET=another ./boxkeeper demo` uses others"
            )
    who = f"`docker ps --filter publish={port}` or `sudo ss -ltnp 'sport = :{port}'` says by whom"
    return f"port {port} of this machine is taken: {who}, `BOXKEEPER_TARGET=another ./boxkeeper demo` uses others"


def ask(container: Container, argv: list[str]) -> tuple[int, str]:
    """Run `argv` inside as root: its exit code, and what it printed on either stream. Raises APIError.

    Not by `exec_run`: it reads on from the socket behind Python's HTTP client, and what came in one piece with the
    head of the answer is lost, about one output in a hundred when the machine is busy.
    """
    assert container.client is not None
    api = container.client.api
    made = api.exec_create(container.id, argv)["Id"]
    place = f"{api.base_url}/v{api.api_version}/exec/{made}/start"
    answer = api.post(place, json={"Detach": False, "Tty": False}, timeout=api.timeout)
    try:
        answer.raise_for_status()
    except HTTPError as error:
        create_api_error_from_http_exception(error)
    return int(api.exec_inspect(made)["ExitCode"]), _joined(answer.content).decode(errors="replace").rstrip("\n")


def _joined(frames: bytes) -> bytes:
    """Both streams as they came; before each piece are eight bytes, the last four its length."""
    pieces, at = [], 0
    while at < len(frames):
        end = at + 8 + int.from_bytes(frames[at + 4 : at + 8], "big")
        pieces.append(frames[at + 8 : end])
        at = end
    return b"".join(pieces)


def wait(container: Container, port: int) -> None:
    """Wait until systemd has finished starting and sshd answers on `port` of 127.0.0.1.

    Raises Fault after 90 s.
    """
    deadline = time.monotonic() + _START_SECONDS
    state = ""
    while time.monotonic() < deadline:
        state = _systemd(container)
        if state in ("running", "degraded") and greets(port):
            return
        time.sleep(0.2)
    raise Fault(
        f"target {container.name} is not up after {_START_SECONDS} s: systemd says {state or 'nothing'},"
        f" sshd does {'' if greets(port) else 'not '}answer; see `docker logs {container.name}`"
    )


def _systemd(container: Container) -> str:
    try:
        return ask(container, ["systemctl", "is-system-running"])[1]
    except APIError:  # not running, between a reboot's two halves
        return ""


def greets(port: int) -> bool:
    """Whether an sshd answers on `port` of 127.0.0.1."""
    # The engine's proxy accepts before anything listens behind it: only the greeting proves sshd.
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as link:
            return link.recv(4) == b"SSH-"
    except OSError:
        return False


def _ports(name: str, publish: Sequence[str]) -> Mapping[str, tuple[str, int]]:
    # Chosen here, not by the engine, which would choose anew at every start.
    fixed = _FIXED.get(name, {})
    return {inner: ("127.0.0.1", fixed.get(inner) or free(inner)) for inner in (*_ALWAYS, *publish)}


def free(inner: str) -> int:
    """A port of 127.0.0.1 that nothing listens on, for what is `inner` ("22/tcp") in the box."""
    kind = socket.SOCK_DGRAM if inner.endswith("/udp") else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
