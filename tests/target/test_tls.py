"""TLS for clients of two threads: what is said arrives, and either end ends it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from target.load import unverified
from target.tls import secured

DOMAIN = "notes.example.test"


def certificate(folder: Path) -> Path:
    """A certificate for DOMAIN, with its key."""
    key, now = Ed25519PrivateKey.generate(), datetime.now(timezone.utc)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DOMAIN)])
    about = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    about = about.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / "site.pem"
    path.write_bytes(about.sign(key, None).public_bytes(Encoding.PEM) + key.private_bytes(*form))
    return path


@pytest.fixture
def site(tmp_path: Path) -> Iterator[int]:
    """The port of a site that sends back what it hears, and ends when that is `bye`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))

    def serve() -> None:
        link, _ = listening.accept()
        link.settimeout(5)
        with context.wrap_socket(link, server_side=True) as opened:
            while (heard := opened.recv(1000)) not in (b"", b"bye"):
                opened.sendall(heard)
            ended.set()

    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)
        assert ended.is_set(), "the site was not told of the end"


def test_what_is_said_is_heard_and_the_sites_end_is_the_clients(site: int) -> None:
    with secured(site, DOMAIN, unverified()) as client:
        client.settimeout(5)
        for word in (b"hello", b"still there?"):
            client.sendall(word)
            assert client.recv(1000) == word
        client.sendall(b"bye")
        assert client.recv(1000) == b""


def test_the_clients_end_is_the_sites(site: int) -> None:
    secured(site, DOMAIN, unverified()).close()


def test_a_site_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate(tmp_path))

        def serve() -> None:
            link, _ = listening.accept()
            with link, suppress(OSError):  # the client does not go on
                context.wrap_socket(link, server_side=True)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(ssl.SSLCertVerificationError):
            secured(listening.getsockname()[1], DOMAIN, ssl.create_default_context())
        thread.join(5)
