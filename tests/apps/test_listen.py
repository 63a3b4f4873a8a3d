"""Node programs as people write them, each handed a socket that it knows nothing of, and ended while it is asked."""

from __future__ import annotations

import base64
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from target.box import Target

pytestmark = pytest.mark.target
HERE = Path(__file__).parent
FOLDER = "/run/handed"
NODE = "/opt/boxkeeper/node-24/node/node"
PRELOAD = "/usr/local/share/boxkeeper/listen.cjs"
SLOWLY = "(request, response) => setTimeout(() => response.end('here'), 20)"
PROGRAMS = {
    "port and host": ("cjs", f"require('http').createServer({SLOWLY}).listen(process.env.PORT, '0.0.0.0', () => 0)"),
    "an object": ("mjs", f"import http from 'node:http'; http.createServer({SLOWLY}).listen({{ port: 3000 }})"),
    "express": (
        "cjs",
        "const app = require('express')(); app.use((request, response) => response.send(request.ip)); app.listen(3000)",
    ),
    "its own way to end": (
        "mjs",
        f"import http from 'node:http'; const server = http.createServer({SLOWLY}).listen(3000);"
        "process.on('SIGTERM', () => server.close(() => process.exit(0)))",
    ),
    "a pool that keeps it alive": (
        "cjs",
        f"setInterval(() => 0, 1000); require('http').createServer({SLOWLY}).listen(3000)",
    ),
    "a cluster": (
        "cjs",
        "const cluster = require('cluster'); if (cluster.isPrimary) { cluster.fork(); cluster.fork(); }"
        f" else require('http').createServer({SLOWLY}).listen(3000)",
    ),
    "a package that only watches signals": (
        "cjs",
        "const count = 1; process.on('SIGTERM', () => { const listeners = process.listeners('SIGTERM');"
        " if (listeners.length === count) process.kill(process.pid, 'SIGTERM'); }); setInterval(() => 0, 1000);"
        f"require('http').createServer({SLOWLY}).listen(3000)",
    ),
    "a child with a channel": (
        "cjs",
        "process.on('disconnect', () => process.exit(0));"
        "if (process.argv[2]) require('http').createServer(() => 0).listen(3000).on('error', () => process.exit(1));"
        "else { require('child_process').fork(__filename, ['child']).on('exit', () => process.abort());"
        f"require('http').createServer({SLOWLY}).listen(3000).on('close', () => process.exit(0)) }}",
    ),
}


def put(target: Target, name: str, text: str) -> None:
    sent = base64.b64encode(text.encode()).decode()
    target.succeed(f"mkdir -p {FOLDER} && echo {sent} | base64 -d >{FOLDER}/{name}")


def handed(target: Target, program: str) -> dict[str, Any]:
    kind, text = PROGRAMS[program]
    put(target, "handed.py", (HERE / "handed.py").read_text())
    put(target, f"program.{kind}", text)
    path = "NODE_PATH=/srv/the-chatty-ai/current/node_modules"
    command = shlex.quote(f"exec node {FOLDER}/program.{kind}")
    return dict(json.loads(target.succeed(f"cd {FOLDER} && {path} python3 handed.py {NODE} {PRELOAD} {command}")))


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_answers_on_the_handed_socket_and_loses_no_request_when_it_ends(target: Target, program: str) -> None:
    told = handed(target, program)
    assert told["first"] == ("127.0.0.1" if program == "express" else "here")
    assert told["answered"] > 20
    assert told["lost"] == []
    assert [code for code, _ in told["ends"]] == [0, 0]
    assert max(seconds for _, seconds in told["ends"]) < 5


def test_a_program_that_listens_on_another_port_is_told_the_line_to_type(target: Target) -> None:
    put(target, "other.cjs", "require('http').createServer(() => 0).listen(41231)")
    told = f"LISTEN_PID=$$ LISTEN_FDS=1 PORT=3000 NODE_OPTIONS=--require={PRELOAD}"
    run = f"""import os, socket
handed = socket.socket(socket.AF_UNIX)
handed.bind(chr(0) + "handed")
handed.listen()
os.dup2(handed.fileno(), 3)
os.set_inheritable(3, True)
os.execvp("sh", ["sh", "-c", "export {told}; exec timeout 4 {NODE} {FOLDER}/other.cjs"])"""
    said = target.fail(f"python3 -c {shlex.quote(run)}")
    assert "listens on port 41231, and requests come by port 3000" in said
    assert "write Process(..., port=41231)" in said
