"""A CA that refuses every order, on https://127.0.0.1:14443/dir: Pebble's directory with one address changed.

Arguments: status, ACME error, Retry-After. Runs on the target; each order is a line of its journal.
"""

import json
import ssl
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PEBBLE = "https://127.0.0.1:14000"
ANYONE = ssl._create_unverified_context()


class Refusal(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        with urllib.request.urlopen(f"{PEBBLE}/dir", context=ANYONE) as answer:
            directory = {**json.load(answer), "newOrder": "https://127.0.0.1:14443/order"}
        self._say(200, "application/json", directory)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        print("an order", flush=True)
        nonce = urllib.request.Request(f"{PEBBLE}/nonce-plz", method="HEAD")
        with urllib.request.urlopen(nonce, context=ANYONE) as answer:
            fresh = answer.headers["Replay-Nonce"]
        problem = {"type": f"urn:ietf:params:acme:error:{sys.argv[2]}", "detail": "no more for you", "status": 0}
        self._say(int(sys.argv[1]), "application/problem+json", problem, ("Replay-Nonce", fresh))

    def _say(self, status: int, kind: str, body: object, *headers: tuple[str, str]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        waits = [("Retry-After", sys.argv[3])] if status == 429 else []
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(text))), *waits, *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 14443), Refusal)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/etc/pebble/cert.pem", "/etc/pebble/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
