#!/usr/bin/python3
"""A stand-in for Ollama: its HTTP API and its folders, and no model behind them.

For boxes and tests that can reach neither Ollama's releases nor its registry, or have no 8 GB to spare. `ollama serve`
heeds OLLAMA_HOST and OLLAMA_MODELS. What it says is made up from the words it is asked with, one token each 40 ms; what
a text means is a vector of its words, so that texts with the same words are near each other.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

VERSION = "0.0.0-standin"
PAUSE = 0.04
DIMENSIONS = 384
LIBRARY = "manifests/registry.ollama.ai/library"
PIECE, PIECES = 16384, 25
"""A pull brings this many pieces. That of a tag which ends in `-slow` takes 20 s; `none` is in no registry."""

Json = dict[str, Any]


class Missing(Exception):
    """Nobody has a model of that name."""


class Shelf:
    """The models on disk, in the folders that Ollama itself uses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def manifest(self, model: str) -> Path:
        name, _, tag = model.partition(":")
        return self.folder / LIBRARY / name / (tag or "latest")

    def models(self) -> list[Json]:
        found = sorted(path for path in (self.folder / LIBRARY).glob("*/*") if path.is_file())
        return [self.shown(path) for path in found]

    def shown(self, path: Path) -> Json:
        name = f"{path.parent.name}:{path.name}"
        layer = json.loads(path.read_text())["layers"][0]
        details = {"format": "gguf", "family": "standin", "parameter_size": "0", "quantization_level": "none"}
        return {"name": name, "model": name, "size": layer["size"], "digest": layer["digest"][7:], "details": details}

    def pull(self, model: str) -> Iterator[Json]:
        """The steps of a pull. What a cut-off one has brought is kept, and the next one goes on from there."""
        yield {"status": "pulling manifest"}
        if model.partition(":")[0] == "none":
            raise Missing("pull model manifest: file does not exist")
        content = (hashlib.sha256(model.encode()).digest() * (PIECE // 32)) * PIECES
        digest = hashlib.sha256(content).hexdigest()
        blob = self.folder / "blobs" / f"sha256-{digest}"
        partial = blob.with_name(f"{blob.name}-partial")
        blob.parent.mkdir(parents=True, exist_ok=True)
        step = {"status": f"pulling {digest[:12]}", "digest": f"sha256:{digest}", "total": len(content)}
        if not blob.exists():
            with partial.open("ab") as file:
                for place in range(file.tell(), len(content), PIECE):
                    file.write(content[place : place + PIECE])
                    file.flush()
                    yield {**step, "completed": place + PIECE}
                    time.sleep(20 / PIECES if model.endswith("-slow") else 0.01)
            partial.rename(blob)
        yield {"status": "verifying sha256 digest"}
        path = self.manifest(model)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"layers": [{"digest": f"sha256:{digest}", "size": len(content)}]}))
        yield {"status": "writing manifest"}
        yield {"status": "success"}


def told(prompt: str) -> Iterator[str]:
    """An answer, word by word."""
    words = dict.fromkeys(re.findall(r"[a-z]{3,}", prompt.lower()))
    wanted = [word for word in words if word not in ("and", "the", "with")][:8] or ["rice"]
    lines = [f"{' and '.join(wanted[:2]).capitalize()}, the monk's way", "", "Ingredients:"]
    lines += [f"- a handful of {word}" for word in wanted]
    lines += ["", "1. Warm the pan slowly.", f"2. Add {', then '.join(wanted)}.", "3. Wait, taste, and serve."]
    return iter(re.findall(r"\s*\S+", "\n".join(lines)))


def meaning(text: str) -> list[float]:
    """A vector of length one in which each word has its place."""
    vector = [0.0] * DIMENSIONS
    for word in re.findall(r"[a-z]+", text.lower()):
        vector[int.from_bytes(hashlib.sha256(word.rstrip("s").encode()).digest()[:4], "big") % DIMENSIONS] += 1.0
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    shelf: Shelf

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/":
            self.whole(200, b"Ollama is running (a stand-in)", "text/plain")
        elif path == "/api/version":
            self.json({"version": VERSION})
        elif path == "/api/tags":
            self.json({"models": self.shelf.models()})
        else:
            self.json({"error": "not found"}, 404)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        model = str(asked.get("model") or asked.get("name") or "")
        act = {"/api/pull": self.pull, "/api/generate": self.generate, "/api/chat": self.chat}
        act |= {"/api/embed": self.embed, "/api/embeddings": self.embed}
        path = urlsplit(self.path).path
        if path not in act:
            self.json({"error": "not found"}, 404)
        elif path != "/api/pull" and not self.shelf.manifest(model).is_file():
            self.json({"error": f"model '{model}' not found"}, 404)
        else:
            act[path](model, asked)

    def pull(self, model: str, asked: Json) -> None:
        def steps() -> Iterator[Json]:
            try:
                yield from self.shelf.pull(model)
            except Missing as missing:
                yield {"error": str(missing)}

        self.stream(steps(), asked)

    def generate(self, model: str, asked: Json) -> None:
        pieces = [{"model": model, "response": word, "done": False} for word in told(str(asked.get("prompt", "")))]
        self.spoken([*pieces, {"model": model, "response": "", "done": True}], "response", asked)

    def chat(self, model: str, asked: Json) -> None:
        said = str((asked.get("messages") or [{}])[-1].get("content", ""))
        pieces: list[Json] = [{"model": model, "message": {"role": "assistant", "content": w}} for w in told(said)]
        last = {"model": model, "message": {"role": "assistant", "content": ""}, "done": True}
        self.spoken([*({**piece, "done": False} for piece in pieces), last], "message", asked)

    def spoken(self, pieces: list[Json], field: str, asked: Json) -> None:
        if asked.get("stream", True):
            self.stream(paced(pieces), asked)
            return
        texts = [piece[field] if field == "response" else piece[field]["content"] for piece in pieces]
        whole = "".join(texts)
        self.json({**pieces[-1], field: whole if field == "response" else {"role": "assistant", "content": whole}})

    def embed(self, model: str, asked: Json) -> None:
        if self.path.endswith("/api/embeddings"):
            self.json({"embedding": meaning(str(asked.get("prompt", "")))})
            return
        texts = asked.get("input", "")
        self.json(
            {"model": model, "embeddings": [meaning(text) for text in ([texts] if isinstance(texts, str) else texts)]}
        )

    def stream(self, pieces: Iterator[Json], asked: Json) -> None:
        if not asked.get("stream", True):
            self.json(list(pieces)[-1])
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            line = json.dumps(piece).encode() + b"\n"
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def json(self, value: Json, status: int = 200) -> None:
        self.whole(status, json.dumps(value).encode(), "application/json")

    def whole(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def paced(pieces: list[Json]) -> Iterator[Json]:
    for piece in pieces:
        yield piece
        time.sleep(PAUSE)


def main() -> None:
    if sys.argv[1:] != ["serve"]:
        print(f"ollama version is {VERSION}")
        return
    host, _, port = os.environ.get("OLLAMA_HOST", "127.0.0.1:11434").rpartition(":")
    Handler.shelf = Shelf(Path(os.environ["OLLAMA_MODELS"]))
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main()
