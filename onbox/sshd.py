"""sshd: what it is really set to, where it really listens, and what stands in the way of our settings."""

from __future__ import annotations

import base64
import contextlib
import glob
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

from onbox import files
from onbox.shell import Failed, run, said

Json = Any
MAIN = "/etc/ssh/sshd_config"
FOLDER = "/etc/ssh/sshd_config.d"
OURS = f"{FOLDER}/00-boxkeeper.conf"
SOCKET = "/etc/systemd/system/ssh.socket.d/boxkeeper.conf"
INCLUDE = f"Include {FOLDER}/*.conf"


def effective(users: Sequence[str]) -> dict[str, list[str]]:
    """All values that a setting has for any of these users: a `Match` block outdoes every drop-in."""
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # Ubuntu 24.04: without it sshd -T fails right after boot
    settings: dict[str, set[str]] = {}
    for user in users:
        for line in said(["sshd", "-T", "-C", f"user={user},host=localhost,addr=192.0.2.1"]).splitlines():
            name, _, value = line.partition(" ")
            settings.setdefault(name, set()).add(value)
    return {name: sorted(values) for name, values in settings.items()}


def ports() -> list[int]:
    """Where a login can come in now: what sshd or systemd for it listens on, and where this session came in."""
    sockets = [line.split() for line in said(["ss", "-Hltnp"]).splitlines()]
    listening = {int(words[3].rpartition(":")[2]): " ".join(words[5:]) for words in sockets}
    found = {port for port, owner in listening.items() if '"sshd"' in owner}
    return sorted(found | _socket_ports() | (_session_ports() & set(listening)))


def socket_is_active() -> bool:
    """Whether systemd listens in place of sshd (Ubuntu since 22.10)."""
    return "ActiveState=active" in _shown()


def is_stale() -> bool:
    """Whether sshd runs with older files than the ones there are: `sshd -T` reads the files, not the process."""
    shown = said(["systemctl", "show", "ssh.service", "--property=ActiveState,StateChangeTimestampMonotonic"])
    if "ActiveState=active" not in shown:
        return False
    since = int(re.findall(r"Monotonic=(\d+)", shown)[0]) / 1e6 - time.monotonic() + time.time()
    paths = [MAIN, FOLDER, *glob.glob(f"{FOLDER}/*.conf")]
    return max(os.stat(path).st_ctime for path in paths if os.path.exists(path)) > since


def _shown() -> str:
    if not any(os.path.exists(f"{folder}/ssh.socket") for folder in ("/lib/systemd/system", "/etc/systemd/system")):
        return ""
    return said(["systemctl", "show", "ssh.socket", "--property=ActiveState,Listen"])


def _socket_ports() -> set[int]:
    shown = _shown()
    return {int(port) for port in re.findall(r":(\d+) ", shown)} if "ActiveState=active" in shown else set()


def _session_ports() -> set[int]:
    """The port that this session came in by, from the environment of the shell that sshd started; sudo hides ours."""
    pid = os.getpid()
    while pid > 1:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
            session = re.search(rb"(?:^|\0)SSH_CONNECTION=\S+ \S+ \S+ (\d+)(?:\0|$)", file.read())
            if session:
                return {int(session[1])}
        with open(f"/proc/{pid}/stat") as file:
            pid = int(file.read().rpartition(")")[2].split()[1])
    return set()


def mended(text: str, port: int | None, main: bool) -> str:
    """A configuration file without what would outdo ours.

    sshd keeps the first value it reads, so the main file has to include the drop-ins before anything else (a Debian
    upgraded over years may not include them at all); but of `Port` it keeps every one.
    """
    lines = text.splitlines(keepends=True)
    if port is not None:
        lines = [_without_port(line) for line in lines]
    settings = [line.split() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if main and (not settings or [settings[0][0].lower(), *settings[0][1:]] != ["include", f"{FOLDER}/*.conf"]):
        rest = [f"# {line}" if re.match(rf"\s*include\s+{re.escape(FOLDER)}/", line, re.I) else line for line in lines]
        lines = [f"# Boxkeeper: drop-ins first, because the first value wins\n{INCLUDE}\n\n", *rest]
    return "".join(lines)


def _without_port(line: str) -> str:
    if re.match(r"\s*port[\s=]", line, re.I):
        return f"# {line}"
    return re.sub(r"^(\s*listenaddress[\s=]+(?:\[[^]]*\]|[^\s:\[]+)):\d+", r"\1", line, flags=re.I)


def to_mend(port: int | None) -> dict[str, str]:
    """The files that have to change besides ours, with their new text."""
    changed = {}
    for path in (MAIN, *sorted(glob.glob(f"{FOLDER}/*.conf"))):
        if path == OURS or not os.path.exists(path):
            continue
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
        if mended(text, port, path == MAIN) != text:
            changed[path] = mended(text, port, path == MAIN)
    if port is not None and socket_is_active():
        changed |= _socket(port)
    return changed


def _socket(port: int) -> dict[str, str]:
    """Without Ubuntu's generator the socket knows nothing of `Port`; with it, a drop-in of ours says the same."""
    wanted = f"[Socket]\nListenStream=\nListenStream={port}\n"
    with contextlib.suppress(FileNotFoundError), open(SOCKET) as file:
        if file.read() == wanted:
            return {}
    return {SOCKET: wanted}


def mending(port: int | None) -> list[Json]:
    """`to_mend` as `files.apply` takes it, with the owners and modes that the files have."""
    entries = []
    for path, text in to_mend(port).items():
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        found = files.observe([[path]])[0]["paths"][0]
        content = text.encode("utf-8", "surrogateescape")
        wanted = {"type": "file", "mode": "0644", "owner": "root", "group": "root", **(found or {})}
        wanted["sha256"] = hashlib.sha256(content).hexdigest()
        entries.append({"path": path, "wanted": wanted, "content": base64.b64encode(content).decode()})
    return entries


def must_speak(entries: Sequence[Json], speaks: Mapping[str, Sequence[str]]) -> None:
    """Raise Failed when our drop-in would leave no algorithm that the control machine speaks. Writes nothing."""
    ours = next((base64.b64decode(entry["content"]) for entry in entries if entry["path"] == OURS), None)
    if ours is None:
        return
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix="boxkeeper-", suffix=".conf") as file:
        file.write(ours)
        file.flush()
        lines = said(["sshd", "-T", "-f", file.name]).splitlines()
    settings = dict(line.split(" ", 1) for line in lines if " " in line)
    for setting, spoken in speaks.items():
        offered = settings.get(setting, "").split(",")
        if setting in settings and not set(offered) & set(spoken):
            what = f"{setting} ({', '.join(offered)})"
            raise Failed(f"the control machine can speak none of sshd's {what}; nothing was written")


def must_be(expect: Mapping[str, str], users: Sequence[str]) -> None:
    """Raise Failed when sshd would not take these settings for each of these users."""
    found = effective(users)
    for setting, value in expect.items():
        if found.get(setting) != [value]:
            is_now = " and ".join(found.get(setting, ["unset"]))
            raise Failed(f"sshd keeps {setting} {is_now}; see `grep -rn -A9 Match {MAIN} {FOLDER}`")


def load(port: str = "") -> None:
    """Let sshd read its configuration again. Our own firewall admits `port` until its role writes it down.

    Where systemd listens for sshd (Ubuntu), both have to stop: a socket does not start beside the service it is for.
    Open sessions live in units of their own and stay.
    """
    run(["systemctl", "daemon-reload"])
    if port:
        said(["nft", "add", "element", "inet", "boxkeeper", "ssh", f"{{ {port} }}"])
    if socket_is_active():
        run(["systemctl", "stop", "ssh.socket", "ssh.service"])
        run(["systemctl", "start", "ssh.socket"])
    else:
        run(["systemctl", "reload", "ssh.service"])
