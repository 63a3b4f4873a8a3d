"""Stands in for a CDN on the target, in a network namespace of its own. Standard library only.

`edge.py visit HOST PATH CLIENT`: one request as the CDN sends it, for a client; prints status and body.
`edge.py serve forward|redirect|strict`: answers ports 80 and 443 as the CDN does with a visitor of its own: hands on,
or first sends HTTP to HTTPS, or does that and accepts no self-signed certificate of the box.
"""

import http.client
import json
import socket
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BOX = "10.78.0.1"


def ask(host: str, path: str, client: str, port: int) -> tuple[int, bytes]:
    trust_all = ssl._create_unverified_context()
    link = http.client.HTTPConnection(BOX, port, timeout=10)
    link.connect()
    if port == 443:
        link.sock = trust_all.wrap_socket(link.sock, server_hostname=host)
    link.request("GET", path, headers={"Host": host, "CF-Connecting-IP": client})
    answer = link.getresponse()
    return answer.status, answer.read()


class Edge(BaseHTTPRequestHandler):
    server_version, sys_version = "cloudflare", ""
    mode = "forward"

    def do_GET(self) -> None:
        secure = isinstance(self.request, ssl.SSLSocket)
        if self.mode != "forward" and not secure:
            self.send_response(301)
            self.send_header("Location", f"https://{self.headers['Host']}{self.path}")
            self.end_headers()
            return
        if self.mode == "strict":
            status, body = 526, b"Invalid SSL certificate"
        else:
            status, body = ask(self.headers["Host"], self.path, self.client_address[0], 443 if secure else 80)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return self.server_version


class Server(ThreadingHTTPServer):
    """HTTP and HTTPS on either port: where Pebble is sent on to HTTPS, it asks port 80 again."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def finish_request(self, request: Any, client_address: Any) -> None:
        if request.recv(1, socket.MSG_PEEK) == b"\x16":
            request = self.context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)


def serve(mode: str) -> None:
    Edge.mode = mode
    make = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=edge -keyout /run/edge.pem -out /run/edge.crt"
    subprocess.run(make.split(), check=True, capture_output=True)
    Server.context.load_cert_chain("/run/edge.crt", "/run/edge.pem")
    threading.Thread(target=Server(("", 443), Edge).serve_forever).start()
    Server(("", 80), Edge).serve_forever()


if sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    status, body = ask(sys.argv[2], sys.argv[3], sys.argv[4], 443)
    print(json.dumps({"status": status, "body": body.decode()}))
