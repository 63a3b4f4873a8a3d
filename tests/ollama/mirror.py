"""A mirror of archives that a test can make break off: `cut` in its folder is how many bytes it sends at most, once."""

from __future__ import annotations

import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(sys.argv[2])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = FOLDER / self.path.strip("/")
        if not path.is_file():
            self.send_response(200 if path == FOLDER else 404)
            self.end_headers()
            return
        content = path.read_bytes()
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(found[1]) if found else 0
        with (FOLDER / "log").open("a") as log:
            log.write(f"{self.path} {first}\n")
        if first >= len(content):
            self.send_response(416)
            self.end_headers()
            return
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        self.wfile.write(content[first : first + self.most()])

    def most(self) -> int:
        try:
            return int((FOLDER / "cut").read_text())
        except FileNotFoundError:
            return sys.maxsize
        finally:
            (FOLDER / "cut").unlink(missing_ok=True)


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
