"""An integration with a secret that must not be found anywhere, and another server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django import Settings

from accounts.actors import SystemActor
from agents_app.integrations import create_integration
from agents_app.models import IntegrationConfig
from core.secrets import SecretText

CANARY = "sk-canary-7Qx2mZ9vLw4K"
FIRST_KEY, SECOND_KEY, THIRD_KEY = (letter * 43 + "=" for letter in "AEI")

Make = Callable[..., IntegrationConfig]


@pytest.fixture
def make(actor: SystemActor) -> Make:
    """Create an integration; `secrets` are plain texts by name."""

    def create(*, secrets: dict[str, str] | None = None, **fields: Any) -> IntegrationConfig:
        named = {"name": "OpenAI", "kind": "openai", **fields}
        texts = {name: SecretText(text) for name, text in (secrets or {"api_key": CANARY}).items()}
        return create_integration(actor=actor, fields=named, secrets=texts)

    return create


@pytest.fixture
def integration(make: Make) -> IntegrationConfig:
    return make()


@pytest.fixture
def second_key(settings: Settings) -> None:
    """A new key stands in front of the one that was first."""
    settings.SECRETS_KEYS = [SECOND_KEY, *settings.SECRETS_KEYS]


@dataclass
class Request:
    """What the other server received."""

    method: str
    path: str
    headers: dict[str, str]


Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class OtherServer:
    """A server that keeps what it received and answers as the test says."""

    port: int
    received: list[Request] = field(default_factory=list)
    answer: Answer = field(default=lambda handler: plain(handler, 200))

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.place}"


def plain(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"{}", **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


@pytest.fixture
def silent_server() -> Iterator[OtherServer]:
    """A server on this machine that the settings do not name."""
    found: list[OtherServer] = []

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            [server] = found
            server.received.append(Request(self.command, self.path, dict(self.headers)))
            server.answer(self)

        do_GET = do_HEAD = handle_one  # noqa: N815  the names are BaseHTTPRequestHandler's

        def log_message(self, *_args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hangs up is what some tests are about."""

    with Server(("127.0.0.1", 0), Handler) as inner:
        found.append(OtherServer(inner.server_address[1]))
        thread = threading.Thread(target=inner.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield found[0]
        inner.shutdown()
        thread.join()


@pytest.fixture
def server(silent_server: OtherServer, settings: Settings) -> OtherServer:
    """The same server, named as an exception."""
    settings.OUTGOING_PRIVATE_HOSTS = [silent_server.place]
    return silent_server
