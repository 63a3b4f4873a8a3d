"""The Docker engine that answers on this machine, started first where none does."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import docker
from docker import DockerClient
from docker.errors import DockerException

from roles import Fault
from target import STATE
from target.root import as_root, install, only_one, run_as_root, tail

_LOG = "dockerd.log"
_SOCKET = Path("/var/run/docker.sock")
_START_SECONDS = 60
_CALL_SECONDS = 1800  # of silence; longer than the bound that `Target.execute` puts on a command


def engine(progress: Callable[[str], None] = lambda line: None) -> DockerClient:
    """A client of an engine that answers. Installs and starts one where there is none.

    Raises Fault, one line, when none answers within 60 s of its start.
    """
    client = _answering()
    if client is not None:
        return client
    if _SOCKET.exists() and not os.access(_SOCKET, os.W_OK):
        raise Fault("the Docker engine is not for you yet: `sudo usermod -aG docker $USER`, then log in again")
    if os.environ.get("DOCKER_HOST"):
        raise Fault(f"no Docker engine answers at {os.environ['DOCKER_HOST']}: `unset DOCKER_HOST`")
    with only_one("engine"):
        client = _answering()
        if client is None:
            client = _started(progress)
    return client


def _answering() -> DockerClient | None:
    try:
        client = docker.from_env(timeout=_CALL_SECONDS)
        client.ping()
    except DockerException:
        return None
    return client


def _started(progress: Callable[[str], None]) -> DockerClient:
    if shutil.which("dockerd", path=_path()) is None:
        progress("installing a Docker engine (docker.io, about 20 s, once)")
        install("docker.io", "iptables")
    progress("starting the Docker engine")
    if Path("/run/systemd/system").is_dir():
        run_as_root("systemctl", "start", "docker", log=_LOG)
        return _wait(lambda: True)
    daemon = _detach()
    return _wait(lambda: daemon.poll() is None)


def _detach() -> subprocess.Popen[bytes]:
    # In a session of its own and with its output in a file: a caller that reads our pipe would otherwise
    # wait for dockerd to end, and Ctrl-C would take it down.
    for name in ("docker.pid", "docker/containerd/containerd.pid"):
        _drop_stale(Path("/run") / name)
    STATE.mkdir(exist_ok=True)
    with (STATE / _LOG).open("wb") as log:
        return subprocess.Popen(
            as_root("dockerd"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PATH": _path()},
        )


def _drop_stale(pidfile: Path) -> None:
    # Where /run survives a restart of the machine, the number in the file may be another program's by now,
    # and dockerd would refuse to start because of it.
    try:
        pid = pidfile.read_text().strip()
    except OSError:
        return
    try:
        program = (Path("/proc") / pid / "cmdline").read_text().split("\0")[0]  # empty for a zombie
    except OSError:
        program = ""
    if not Path(program).name.startswith(pidfile.stem):
        subprocess.run(as_root("rm", "-f", str(pidfile)), check=True)


def _path() -> str:
    return os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"


def _wait(alive: Callable[[], bool]) -> DockerClient:
    deadline = time.monotonic() + _START_SECONDS
    while alive() and time.monotonic() < deadline:
        client = _answering()
        if client is not None:
            return client
        time.sleep(0.3)
    raise Fault(f"the Docker engine does not start: {tail(_LOG)} (all of it: {STATE / _LOG})")
