"""An app that answers with what a package has put on the box, on the socket that systemd hands over."""

import http.server
import socket
from pathlib import Path


class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        words = Path("/usr/share/shop/words").read_text()
        self.send_response(101 if self.path == "/ws" else 500 if "broken" in words else 200)
        self.end_headers()
        self.wfile.write(words.encode())

    def address_string(self) -> str:
        return "nginx"


server = http.server.ThreadingHTTPServer(("", 0), Shop, bind_and_activate=False)
server.socket = socket.socket(fileno=3)
server.serve_forever()
