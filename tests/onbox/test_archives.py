"""Archives: fetched in parts, checked, and unpacked whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from onbox import archives
from onbox.shell import Failed


def packed(program: bytes = b"#!/bin/sh\n", name: str = "bin/tool") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for path, content in {f"./{name}": program, "./lib/gpu/x.so": b"x" * 50_000}.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(made.getvalue(), mtime=0)


@contextmanager
def mirror(content: bytes, *, cut: int = 0, ranges: bool = True) -> Iterator[tuple[str, list[int]]]:
    """Serves the content; the first answer breaks off after `cut` bytes. Yields its address, and what was asked for."""
    asked: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            first = int(self.headers["Range"][6:-1]) if ranges else 0
            asked.append(first)
            self.send_response(416 if first > len(content) else 206 if first else 200)
            self.send_header("Content-Length", str(max(0, len(content) - first)))
            self.end_headers()
            self.wfile.write(content[first : first + (cut if cut and len(asked) == 1 else len(content))])

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tool.tar.gz", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(archives, "CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("onbox.archives.time.sleep", lambda seconds: None)
    return tmp_path


def request(place: Path, url: str, content: bytes, version: str = "1", **other: Any) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    made_of = {"version": version, "sha256": sha256, "without": ["lib/gpu"]}
    folder = f"{place}/tool-{version}"
    wanted = {"link": f"{place}/tool", "folder": folder, "url": url, "program": "bin/tool", "made_of": made_of}
    return json.dumps({**wanted, **other})


def test_it_is_fetched_unpacked_and_linked_and_nothing_is_left(place: Path) -> None:
    with mirror(packed()) as (url, asked):
        archives.install(request(place, url, packed()))
    assert (place / "tool").resolve() == place / "tool-1"
    assert (place / "tool" / "bin" / "tool").read_bytes() == b"#!/bin/sh\n"
    assert not (place / "tool" / "lib" / "gpu").exists()
    assert list((place / "cache").iterdir()) == []
    assert asked == [0]
    assert archives.observe([f"{place}/tool"])[0]["made_of"]["version"] == "1"


def test_what_breaks_off_goes_on_where_it_was(place: Path) -> None:
    with mirror(packed(), cut=100) as (url, asked):
        archives.install(request(place, url, packed()))
    assert asked == [0, 100]
    assert (place / "tool" / "bin" / "tool").exists()


def test_a_server_that_knows_no_parts_is_asked_for_the_whole_again(place: Path) -> None:
    with mirror(packed(), cut=100, ranges=False) as (url, asked):
        archives.install(request(place, url, packed()))
    assert asked == [0, 0]
    assert (place / "tool" / "bin" / "tool").exists()


def test_a_wrong_hash_is_never_unpacked_and_not_kept(place: Path) -> None:
    with mirror(packed(b"another")) as (url, _), pytest.raises(Failed, match="nothing of it was unpacked"):
        archives.install(request(place, url, packed()))
    assert [path.name for path in place.iterdir()] == ["cache"]
    assert list((place / "cache").iterdir()) == []


def test_more_than_there_is_was_of_another_archive_and_is_fetched_anew(place: Path) -> None:
    (place / "cache").mkdir()
    (place / "cache" / hashlib.sha256(packed()).hexdigest()).write_bytes(b"x" * 100_000)
    with mirror(packed()) as (url, asked):
        archives.install(request(place, url, packed()))
    assert asked == [100_000, 0]
    assert (place / "tool" / "bin" / "tool").exists()


def test_an_archive_that_is_here_already_is_not_fetched(place: Path) -> None:
    (place / "cache").mkdir()
    (place / "cache" / hashlib.sha256(packed()).hexdigest()).write_bytes(packed())
    archives.install(request(place, "http://127.0.0.1:1/", packed()))
    assert (place / "tool" / "bin" / "tool").exists()


def test_nobody_answering_is_said_after_some_tries(place: Path) -> None:
    with pytest.raises(Failed, match=r"127\.0\.0\.1:1/ can't be fetched: .*refused.*; what is here of it stays"):
        archives.install(request(place, "http://127.0.0.1:1/", packed()))


def test_an_archive_without_the_program_is_not_switched_to(place: Path) -> None:
    content = packed(name="bin/else")
    with mirror(content) as (url, _), pytest.raises(Failed, match="holds no program bin/tool"):
        archives.install(request(place, url, content))
    assert not (place / "tool").exists()
    assert not (place / "tool-1").exists()


def test_a_folder_left_half_unpacked_is_made_again(place: Path) -> None:
    (place / "tool-1.new").mkdir()
    (place / "tool-1").mkdir()
    (place / "tool-1" / "half").write_text("")
    with mirror(packed()) as (url, _):
        archives.install(request(place, url, packed()))
    assert not (place / "tool-1" / "half").exists()
    assert not (place / "tool-1.new").exists()


def test_the_version_before_stays_and_older_ones_go(place: Path) -> None:
    for version in ("1", "2", "3"):
        content = packed(version.encode())
        with mirror(content) as (url, _):
            archives.install(request(place, url, content, version))
    assert (place / "tool").resolve() == place / "tool-3"
    assert sorted(path.name for path in place.glob("tool-*")) == ["tool-2", "tool-3"]
