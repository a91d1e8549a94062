"""Synchronous Django behind granian's asynchronous interface (RSGI).

Under plain WSGI a body is read by the thread that answers, and granian sets no limit to that: two clients that stop
in the middle of a body would stop a server of two threads. Here a body is read before Django is called, within a time
limit, so that a slow client costs a little memory and nothing else.
"""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import close_old_connections
from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]  # re-exported in silence

from config.bodies import SMALL_BYTES, Bodies, NoRoom, small
from config.streams import Streams
from core.problems import problem
from core.renderers import PROBLEM_MEDIA_TYPE, dump_response

log = logging.getLogger(__name__)

Headers = list[tuple[str, str]]

BODY_REFUSED = frozenset({400, 408, 413, 415})
"""After these the connection is closed: what follows on it may be the rest of the body that was refused."""


class Bridge:
    """Reads bodies on the event loop of a worker and calls a WSGI application of Django.

    With one thread (`SERVER_THREADS=1`) that is the thread of the event loop itself: handing a request over to another
    thread and back costs as much as half of what it takes to answer it. Nothing else suffers: another request could
    not be answered meanwhile in any case, sockets are served by granian's own threads, and streams have theirs.
    """

    def __init__(self, application: Any) -> None:
        self._application = application
        self._threads: ThreadPoolExecutor | None = None

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._bodies = Bodies()
        self._streams = Streams()
        if settings.SERVER_THREADS > 1:
            self._threads = ThreadPoolExecutor(settings.SERVER_THREADS, thread_name_prefix="django")

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        headers = scope.headers.items()
        variables = _header_variables(headers)
        if "HTTP_TRANSFER_ENCODING" in variables:
            # Also what carries both lengths arrives like this, and nobody can tell which of them is meant.
            _refuse(protocol, 400, "length_required", "Send Content-Length; bodies in chunks are not read.")
            return
        length = int(variables.get("CONTENT_LENGTH", "0"))
        if not 0 < length <= settings.MAX_BODY_BYTES:
            # Django refuses what is too large by its length.
            await self._answer(_environ(scope, variables, b""), protocol, scope.client)
            return
        async with AsyncExitStack() as until_answered:
            try:
                if length <= SMALL_BYTES:
                    body = await small(protocol, length)
                else:
                    body = await until_answered.enter_async_context(self._bodies.received(protocol, length))
            except ProtocolClosed:
                return
            except TimeoutError:
                _refuse(protocol, 408, "body_timeout", "The body did not arrive in time.")
                return
            except NoRoom:
                _refuse(protocol, 503, "busy", "Too many large bodies at once; send the request again.", retry_after=1)
                return
            await self._answer(_environ(scope, variables, body), protocol, scope.client)

    async def _answer(self, environ: dict[str, Any], protocol: Any, client: str) -> None:
        if self._threads is None:
            response, line, headers = self._call_here(environ)
        else:
            loop = asyncio.get_running_loop()
            response, line, headers = await loop.run_in_executor(self._threads, self._call, environ)
        status = int(line[:3])
        if status in BODY_REFUSED and environ.get("CONTENT_LENGTH"):
            headers = [*headers, ("connection", "close")]
        if response.streaming:
            if not await self._streams.send(response, protocol, status=status, headers=headers, client=client):
                _refuse(protocol, 503, "busy", "Too many answers are being sent; ask again.", retry_after=1)
            return
        protocol.response_bytes(status, headers, response.content)

    def _call_here(self, environ: dict[str, Any]) -> tuple[Any, str, Headers]:
        """Call Django in the thread of the loop, which is none while Django works: it refuses to block a loop."""
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        try:
            return self._call(environ)
        finally:
            asyncio._set_running_loop(loop)

    def _call(self, environ: dict[str, Any]) -> tuple[Any, str, Headers]:
        """Call Django; a response that is not streamed is closed, its content stays."""
        started: list[tuple[str, Headers]] = []

        def start_response(*status_and_headers: Any) -> Any:
            started.append(status_and_headers[:2])

        response: Any = self._application(environ, start_response)
        if response.streaming:
            # It is made in another thread, and closed there.
            close_old_connections()
        else:
            response.close()
        return response, *started[-1]


def _refuse(protocol: Any, status: int, code: str, detail: str, *, retry_after: int | None = None) -> None:
    title = "The body cannot be read." if status < HTTPStatus.INTERNAL_SERVER_ERROR else "The server is busy."
    document = problem(status=status, code=code, title=title, detail=detail)
    headers = [("content-type", PROBLEM_MEDIA_TYPE), ("connection", "close")]
    if retry_after is not None:
        headers.append(("retry-after", str(retry_after)))
    protocol.response_bytes(status, headers, dump_response(document))


def _environ(scope: Any, variables: dict[str, str], body: bytes) -> dict[str, Any]:
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
    return environ | variables


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
