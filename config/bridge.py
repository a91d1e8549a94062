"""Synchronous Django behind granian's asynchronous interface (RSGI).

Under plain WSGI a body is read by the thread that answers, and granian sets no limit to that: two clients that stop
in the middle of a body would stop a server of two threads. Here a body is read before a thread is taken, within a time
limit, so that a slow client costs a little memory and nothing else.
"""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from granian.rsgi import ProtocolClosed, ProtocolError  # type: ignore[attr-defined]  # re-exported in silence

from core.problems import problem
from core.renderers import PROBLEM_MEDIA_TYPE, dump_response

log = logging.getLogger(__name__)

GRACE_SECONDS = 15
BYTES_PER_SECOND = 64 * 1024
"""A body must be there after the grace and a second more for each of these."""

FILE_BLOCK = 64 * 1024
SECONDS_PER_CHUNK = 60
"""What a client has to take each piece of a streamed answer."""

Headers = list[tuple[str, str]]

BODY_REFUSED = frozenset({400, 408, 413, 415})
"""After these the connection is closed: what follows on it may be the rest of the body that was refused."""


class Bridge:
    """Reads bodies on the event loop of a worker and calls a WSGI application of Django in the worker's threads."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._threads: ThreadPoolExecutor | None = None

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._threads = ThreadPoolExecutor(settings.SERVER_THREADS, thread_name_prefix="django")

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if "transfer-encoding" in scope.headers:
            # Also what carries both lengths arrives like this, and nobody can tell which of them is meant.
            _refuse(protocol, 400, "length_required", "Send Content-Length; bodies in chunks are not read.")
            return
        try:
            body = await _read(scope, protocol)
        except ProtocolClosed:
            return
        except TimeoutError:
            _refuse(protocol, 408, "body_timeout", "The body did not arrive in time.")
            return
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._respond, _environ(scope, body), protocol, loop)

    def _respond(self, environ: dict[str, Any], protocol: Any, loop: asyncio.AbstractEventLoop) -> None:
        """Call Django and send what it answers; runs in a thread."""
        started: list[tuple[str, Headers]] = []

        def start_response(*status_and_headers: Any) -> Any:
            started.append(status_and_headers[:2])

        response: Any = self._application(environ, start_response)
        try:
            line, headers = started[-1]
            status = int(line.partition(" ")[0])
            if status in BODY_REFUSED and environ.get("CONTENT_LENGTH"):
                headers = [*headers, ("connection", "close")]
            if response.streaming:
                # Django reads files in blocks of 4 KiB; each costs a trip to the event loop.
                response.block_size = FILE_BLOCK
                _stream(response, protocol.response_stream(status, headers), loop)
            else:
                protocol.response_bytes(status, headers, b"".join(response))
        finally:
            response.close()


async def _read(scope: Any, protocol: Any) -> bytes:
    """Return the body; one that is too large is left unread, as Django refuses it by its length."""
    length = int(scope.headers.get("content-length", "0"))
    if not 0 < length <= settings.MAX_BODY_BYTES:
        return b""
    async with asyncio.timeout(GRACE_SECONDS + length / BYTES_PER_SECOND):
        body: bytes = await protocol()
    return body


def _refuse(protocol: Any, status: int, code: str, detail: str) -> None:
    document = problem(status=status, code=code, title="The body cannot be read.", detail=detail)
    headers = [("content-type", PROBLEM_MEDIA_TYPE), ("connection", "close")]
    protocol.response_bytes(status, headers, dump_response(document))


def _environ(scope: Any, body: bytes) -> dict[str, Any]:
    """The request in the terms of PEP 3333."""
    server_name, _, server_port = scope.server.rpartition(":")
    environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": server_name,
        "SERVER_PORT": server_port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.authority:
        environ["HTTP_HOST"] = scope.authority
    return environ | _header_variables(scope.headers.items())


def _header_variables(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers as CGI names them. A name with an underscore would pass for another one and is left out."""
    variables: dict[str, str] = {}
    for name, value in headers:
        if "_" in name:
            continue
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        separator = "; " if key == "HTTP_COOKIE" else ","
        variables[key] = f"{variables[key]}{separator}{value}" if key in variables else value
    return variables


def _stream(chunks: Iterable[bytes], transport: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Send piece by piece, each when the client has taken the one before; a client that went away ends it."""

    async def send(chunk: bytes) -> None:
        async with asyncio.timeout(SECONDS_PER_CHUNK):
            await transport.send_bytes(chunk)

    for chunk in chunks:
        try:
            asyncio.run_coroutine_threadsafe(send(chunk), loop).result()
        except (ProtocolClosed, ProtocolError, TimeoutError):
            log.info("A client went away in the middle of an answer.")
            return
