"""An app without dependencies: HTTP on the socket that systemd hands over."""

import http.server
import os
import socket
from pathlib import Path

if os.environ["FATAL"] or Path("greeting").read_text() == "fatal":
    raise SystemExit("greeter: a setting that I can't live with")


class Greeting(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        said = os.environ["ODD"] if self.path == "/odd" else Path("greeting").read_text()
        self.send_response(500 if said == "broken" else 200)
        self.end_headers()
        self.wfile.write(said.encode())

    def address_string(self) -> str:
        return "nginx"


server = http.server.ThreadingHTTPServer(("", 0), Greeting, bind_and_activate=False)
server.socket = socket.socket(fileno=3)
server.serve_forever()
