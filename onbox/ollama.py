"""Ollama: which models are there, and pulling more."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

from onbox import detached
from onbox.shell import Failed

Json = Any
ADDRESS = ("127.0.0.1", 11434)
PULL = "boxkeeper-ollama-pull.service"
TRIES = 5
SILENCE = 600
"""Seconds without a word: checking the hash of a big model takes minutes."""


def observe(queries: list[Json]) -> list[Json]:
    return [_models() for _ in queries]


def _models() -> list[str] | None:
    """The names of what is there; None where nothing answers. By hand: http.client takes 7 ms in every run."""
    try:
        with socket.create_connection(ADDRESS, timeout=5) as link:
            link.sendall(b"GET /api/tags HTTP/1.0\r\nHost: localhost\r\n\r\n")
            body = link.makefile("rb").read().partition(b"\r\n\r\n")[2]
        return [str(model["name"]) for model in json.loads(body)["models"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def apply(payload: Json) -> None:
    """Pull in a unit of its own, which goes on when the connection is lost."""
    detached.run(PULL, ["ollama", "pull", *payload["models"]])


def pull(*models: str) -> None:
    """Pull what is not there yet. What a pull that was cut off has brought is not fetched again; Ollama keeps it."""
    _wait()
    for model in models:
        if model not in (_models() or ()):
            _pull(model)


def _wait() -> None:
    deadline = time.monotonic() + 60
    while _models() is None:
        if time.monotonic() > deadline:
            raise Failed("Ollama does not answer: see `journalctl -u boxkeeper-ollama`")
        time.sleep(0.5)


def _pull(model: str) -> None:
    for attempt in range(TRIES):
        try:
            _heed(model, _steps(model))
            return
        except OSError as error:
            _say(f"{model}: {error}")
            if attempt == TRIES - 1:
                raise Failed(f"{model} can't be pulled: {error}; what is here of it stays, run again") from None
            time.sleep(2**attempt)


def _steps(model: str) -> Iterator[Json]:
    """What Ollama says while it pulls, one object a line."""
    from http.client import HTTPConnection, HTTPException  # see `_models`

    link = HTTPConnection(*ADDRESS, timeout=SILENCE)
    try:
        link.request("POST", "/api/pull", json.dumps({"model": model}), {"Content-Type": "application/json"})
        for line in link.getresponse():
            yield json.loads(line)
    except (HTTPException, ValueError) as error:
        raise OSError(f"Ollama broke off ({type(error).__name__})") from None
    finally:
        link.close()


def _heed(model: str, steps: Iterator[Json]) -> None:
    """Say how far it is, each tenth. Raises Failed where Ollama says no, OSError where it ends before it is done."""
    status, tenth = "", -1
    for step in steps:
        if "error" in step:
            raise _refusal(model, step["error"])
        done = 10 * step.get("completed", 0) // max(step.get("total", 0), 1)
        if (step.get("status"), done) != (status, tenth):
            status, tenth = step.get("status", ""), done
            _say(f"{model}: {status}" + (f" {done * 10}% of {step['total'] >> 20} MB" if "total" in step else ""))
    if status != "success":
        raise OSError("it ended early")


def _refusal(model: str, reason: str) -> Exception:
    """That a model does not exist is final; a registry that does not answer may do so in a moment."""
    if "file does not exist" in reason or "not found" in reason:
        return Failed(f"{model}: Ollama's library has no model of that name ({reason})")
    return OSError(reason)


def _say(line: str) -> None:
    print(line, flush=True)
