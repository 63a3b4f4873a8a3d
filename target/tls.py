"""TLS that one thread alone speaks, for clients that read and write in two.

Python's TLS can't bear two (CPython issue 151508): of a thousand WebSockets that websockets' threading client opened
six hung, and once the interpreter died.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
from contextlib import suppress

_PATIENCE = 10.0
_CHUNK = 64 * 1024


def secured(port: int, domain: str, trust: ssl.SSLContext) -> socket.socket:
    """A connection to the site at a port of 127.0.0.1, as plain text. Raises OSError when TLS does not come about."""
    site = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
    far = trust.wrap_socket(site, server_hostname=domain)
    client, near = socket.socketpair()
    threading.Thread(target=_relay, args=(far, near), name="tls", daemon=True).start()
    return client


def _relay(far: ssl.SSLSocket, near: socket.socket) -> None:
    """Until either ends."""
    with far, near, suppress(OSError):
        while True:
            ready = [far] if far.pending() else select.select([far, near], [], [])[0]
            if near in ready:
                far.settimeout(_PATIENCE)
                said = near.recv(_CHUNK)
                far.sendall(said)
                if not said:
                    return
            if far in ready:
                far.setblocking(False)
                with suppress(ssl.SSLWantReadError):  # a ticket is no text
                    heard = far.recv(_CHUNK)
                    near.sendall(heard)
                    if not heard:
                        return
