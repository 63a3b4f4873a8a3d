"""nginx: what this build of it knows, whether it accepts a configuration, and a reload that is seen to have worked."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from onbox import units
from onbox.shell import Failed, run

Json = Any
BINARY = "/usr/sbin/nginx"
FOLDER = "/etc/nginx"
UNIT = "nginx.service"
STAMP = "nginx.configuration"
LOG = "/var/log/nginx/error.log"
STAGED = "/run/boxkeeper.nginx"
FEATURES = {
    "http2_on": "http2 on;",  # since 1.25.1; before, and deprecated since, a word of `listen`
    "hybrid_curve": "ssl_ecdh_curve X25519MLKEM768:X25519;",  # OpenSSL 3.5
    "reject_handshake": "ssl_reject_handshake on;",  # since 1.19.4
}


def features() -> Json:
    """What this box's nginx understands, asked of nginx itself; None where there is no nginx.

    Version numbers would not do: distributions link nginx against another OpenSSL than its own version suggests.
    """
    if not os.path.exists(BINARY):
        return None
    if _understands(FEATURES.values()):
        known = dict.fromkeys(FEATURES, True)
    else:
        # A TLS server without a certificate passes only with the handshake refused: ask the others together with it.
        refuse = FEATURES["reject_handshake"]
        known = {name: _understands({line, refuse}) for name, line in FEATURES.items()}
    return {**known, "ipv6": _ipv6()}


def _understands(lines: Iterable[str]) -> bool:
    server = "listen 127.0.0.1:9 ssl; " + " ".join(lines)
    # Even a test gives nginx's temporary folders to `user`: with another one, large uploads would fail from then on.
    common = "user www-data; pid /dev/null; error_log stderr; events {}"
    text = f"{common} http {{ access_log off; server {{ {server} }} }}\n"
    config = os.memfd_create("nginx.conf")
    try:
        os.write(config, text.encode())
        argv = [BINARY, "-t", "-q", "-c", f"/proc/self/fd/{config}"]
        return subprocess.run(argv, pass_fds=[config], stdin=subprocess.DEVNULL, capture_output=True).returncode == 0
    finally:
        os.close(config)


def _ipv6() -> bool:
    """Whether `listen [::]:80` can work: not where the kernel was started with ipv6.disable=1."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def objection(tree: Mapping[str, bytes]) -> str:
    """What nginx says against a configuration, files by their path below /etc/nginx; empty when it accepts it."""
    shutil.rmtree(STAGED, ignore_errors=True)
    try:
        for path, content in tree.items():
            place = os.path.join(STAGED, path)
            os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
            with open(place, "wb") as file:
                file.write(content)
        return _objection(os.path.join(STAGED, "nginx.conf")).replace(STAGED, FOLDER)
    finally:
        shutil.rmtree(STAGED, ignore_errors=True)


def _objection(config: str) -> str:
    argv = [BINARY, "-t", "-q", "-c", config]
    said = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if said.returncode == 0:
        return ""
    return _emergency(said.stderr) or said.stderr.strip() or f"exit code {said.returncode}"


def _emergency(log: str) -> str:
    found = re.findall(r"\[(?:emerg|alert)\] \d+#\d+: (.*)", log)
    return str(found[0]) if found else ""


def files() -> list[str]:
    """Every file that the running nginx was started with: ours and the certificates."""
    patterns = (f"{FOLDER}/nginx.conf", f"{FOLDER}/boxkeeper/*.conf", f"{FOLDER}/boxkeeper/sites/*.conf")
    return sorted(path for each in (*patterns, "/etc/boxkeeper/tls/*/fullchain.pem") for path in glob.glob(each))


def is_current() -> bool:
    """Whether nginx has last been given the files that are there now."""
    try:
        with open(os.path.join(units.STAMPS, STAMP)) as file:
            return file.read() == units.digest(files(), [])
    except FileNotFoundError:
        return False


def is_running() -> bool:
    return bool(_workers())


def reload() -> None:
    """Give nginx the files that are there now; start it where it is down, never restart it.

    Raises Failed with nginx's words when it refuses them.
    """
    before = _workers()
    _take(lambda: run(["systemctl", "reload", UNIT]), lambda: not _workers() <= before)


def renew() -> None:
    """Hand over to a second nginx, of the program and the libraries of now; the first ends with its last connection.

    As nginx's manual has its executable upgraded (nginx.org/en/docs/control.html). Raises Failed with its words when
    the second one does not start; the first goes on then.
    """
    now = master()
    if now is not None:
        _end_first(now)
        # Not by its workers alone: seen too early, the second one is a child of the first as these are.
        _take(lambda: os.kill(now, signal.SIGUSR2), lambda: master() not in (None, now) and is_running())
        let_first_end()


def let_first_end() -> None:
    """Let the nginx that has handed over to this one end with its last connection, where there is one."""
    if first := _first():
        os.kill(first, signal.SIGQUIT)


def _end_first(now: int) -> None:
    """End it with what is still open there: beside two, no third starts."""
    if first := _first():
        os.kill(first, signal.SIGTERM)
    # systemd takes the number of the one that goes on from its file, which is not there while a third one starts.
    _await(
        lambda: units.show([UNIT], "MainPID")[UNIT].get("MainPID") == str(now),
        lambda: f"systemd does not see that nginx is process {now}; `systemctl restart nginx`, and run again",
    )


def _first() -> int | None:
    """The nginx that this one was started by; None where it was systemd."""
    parent = _parent(str(master()))
    with contextlib.suppress(OSError), open(f"/proc/{parent}/comm") as file:
        return int(parent) if file.read().strip() == "nginx" else None
    return None


def _take(ask: Callable[[], object], has_taken: Callable[[], bool]) -> None:
    """Ask nginx for workers with the files of now, and wait for them: that it was asked tells nothing."""
    if words := _objection(f"{FOLDER}/nginx.conf"):
        raise Failed(f"nginx refuses its configuration and keeps the one it runs with: {words}")
    now = units.digest(files(), [])
    if is_running():
        logged = os.path.getsize(LOG) if os.path.exists(LOG) else 0
        ask()
        _await(has_taken, lambda: f"nginx did not take its new configuration: {_refusal(logged)}")
    else:
        run(["systemctl", "reset-failed", UNIT], ok=(0, 1))
        run(["systemctl", "start", UNIT])
    units.stamp(STAMP, now)


def _await(is_so: Callable[[], bool], fault: Callable[[], str]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        if time.monotonic() > deadline:
            raise Failed(fault())
        time.sleep(0.05)


def _refusal(logged: int) -> str:
    """What nginx has logged against its configuration, after so many bytes of its log."""
    with open(LOG, errors="replace") as file:
        file.seek(logged)
        return _emergency(file.read()) or f"look into {LOG}"


def _workers() -> set[int]:
    """Processes whose parent is nginx's master."""
    parent = str(master())
    return {int(pid) for pid in os.listdir("/proc") if pid.isdigit() and _parent(pid) == parent}


def master() -> int | None:
    """The process that nginx's workers are started by; None where there is none."""
    try:
        with open("/run/nginx.pid") as file:
            return int(file.read())
    except (FileNotFoundError, ValueError):  # ValueError: it is just being written
        return None


def _parent(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[1]
    except OSError:
        return ""
