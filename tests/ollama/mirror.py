"""A mirror of archives that a test can make break off, once: `cut` or `stall` in its folder is how many bytes it sends.

After `cut` it hangs up, after `stall` it says nothing more.
"""

from __future__ import annotations

import re
import sys
import time
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
        cut, stall = taken("cut"), taken("stall")
        self.wfile.write(content[first : first + min(cut, stall)])
        if stall < sys.maxsize:
            time.sleep(50)


def taken(word: str) -> int:
    """The number in a file that is read once."""
    try:
        return int((FOLDER / word).read_text())
    except FileNotFoundError:
        return sys.maxsize
    finally:
        (FOLDER / word).unlink(missing_ok=True)


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
