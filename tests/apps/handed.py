"""Runs a Node program as systemd does, its socket handed over, and ends it twice under load. On the target.

`handed.py NODE PRELOAD COMMAND`: prints what the first answer was, how many POSTs were answered and how many not, and
how the program ended each time. Standard library only.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

NODE, PRELOAD, COMMAND = sys.argv[1:]
PATH = os.path.join(tempfile.mkdtemp(), "socket")


class Link(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(PATH)


def ask(method: str) -> str:
    link = Link("localhost")
    link.request(method, "/", headers={"Host": "app.example", "Connection": "close"})
    answer = link.getresponse()
    text = answer.read().decode()
    assert answer.status == 200, text
    return text


def start(handed: socket.socket) -> "subprocess.Popen[bytes]":
    environment = {
        "PATH": f"{os.path.dirname(NODE)}:/usr/bin:/bin",
        "NODE_OPTIONS": f"--require={PRELOAD}",
        "NODE_PATH": os.environ.get("NODE_PATH", ""),
        "LISTEN_FDS": "1",
        "PORT": "3000",
    }
    return subprocess.Popen(
        ["/bin/sh", "-c", f"export LISTEN_PID=$$; {COMMAND}"],
        env=environment,
        pass_fds=[3],
        preexec_fn=lambda: os.dup2(handed.fileno(), 3),
        start_new_session=True,
    )


def main() -> None:
    handed = socket.socket(socket.AF_UNIX)
    handed.bind(PATH)
    handed.listen(1024)
    if handed.fileno() != 3:
        os.dup2(handed.fileno(), 3)
    program = start(handed)
    first = ask("GET")
    answered: list[str] = []
    lost: list[str] = []
    ends: list[tuple[int, float]] = []
    done = threading.Event()

    def load() -> None:
        while not done.is_set():
            try:
                answered.append(ask("POST"))
            except (OSError, http.client.HTTPException, AssertionError) as error:
                lost.append(repr(error))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        time.sleep(1)
        began = time.monotonic()
        program.send_signal(signal.SIGTERM)
        ends.append((program.wait(30), time.monotonic() - began))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)  # so does systemd, with what is left of it (KillMode=mixed)
        program = start(handed)
    time.sleep(1)
    done.set()
    for thread in threads:
        thread.join()
    os.killpg(program.pid, signal.SIGKILL)
    print(json.dumps({"first": first, "answered": len(answered), "lost": lost, "ends": ends}))


main()
