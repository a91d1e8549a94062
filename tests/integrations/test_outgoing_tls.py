"""Encrypted connections: the certificate is asked for by name, and has to be right."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_django import Settings

from core.outgoing import OutgoingFailed, send
from tests.integrations.conftest import plain
from tests.integrations.test_outgoing import resolver

NAME = "models.example.org"


def certificate(folder: Path, *, days: int) -> Path:
    """Write a key with a certificate that vouches for itself, both in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=3))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form, plain_key = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, plain_key) + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


Serve = Callable[..., int]


class Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what some tests are about."""


@pytest.fixture
def serve(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serve over TLS on this machine and return the port; `names` collects what clients asked for."""
    servers: list[tuple[ThreadingHTTPServer, Thread]] = []

    def start(*, names: list[str | None], days: int = 3, is_trusted: bool = True) -> int:
        path = certificate(tmp_path, days=days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        context.sni_callback = lambda _socket, name, _context: names.append(name)

        class Handler(BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                names.append(self.headers["Host"])
                plain(self, 200, b"over TLS")

            do_GET = handle_one  # noqa: N815  the name is BaseHTTPRequestHandler's

            def log_message(self, *_args: object) -> None:
                pass

        server = Server(("127.0.0.1", 0), Handler)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        servers.append((server, thread))
        settings.OUTGOING_PRIVATE_HOSTS = [
            f"{host}:{server.server_address[1]}" for host in (NAME, "other.example.org", "127.0.0.1")
        ]
        if is_trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(path))
        return int(server.server_address[1])

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_name_is_asked_for_although_the_connection_goes_to_an_address(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str | None] = []
    port = serve(names=names)
    resolver(monkeypatch, ["127.0.0.1"])

    answer = send("GET", f"https://{NAME}:{port}/", headers={})

    assert (answer.status, answer.body) == (200, b"over TLS")
    assert names == [NAME, f"{NAME}:{port}"]


@pytest.mark.parametrize(
    ("host", "options"),
    [(NAME, {"is_trusted": False}), (NAME, {"days": -1}), ("other.example.org", {}), ("127.0.0.1", {})],
)
def test_a_wrong_certificate_ends_the_exchange(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, host: str, options: dict[str, Any]
) -> None:
    names: list[str | None] = []
    port = serve(names=names, **options)
    resolver(monkeypatch, ["127.0.0.1"])

    with pytest.raises(OutgoingFailed) as failed:
        send("GET", f"https://{host}:{port}/", headers={})

    assert str(failed.value) == "The server's certificate cannot be verified."
    assert f"{host}:{port}" not in names


def test_a_server_that_speaks_no_tls_is_told(server: Any) -> None:
    with pytest.raises(OutgoingFailed) as failed:
        send("GET", f"https://{server.place}/", headers={})

    assert str(failed.value) == "No encrypted connection could be made."
