"""Answers that are sent piece by piece, at the pace of the client that reads them.

The server's own streams take every piece at once and keep in memory what the client has not read. Here the pieces go
through a pipe that the server reads as a file: it takes from it what the client takes from the connection, and when
the pipe is full the next piece is not made. A client that reads slowly, or not at all, costs one connection and one
pipe; no thread waits for it, and no connection to the database. Files on the disk need no pipe.

A stream that fails half-way must not look complete: its connection is cut.
"""

from __future__ import annotations

import array
import asyncio
import logging
import os
import socket
import stat
import sys
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.db import DEFAULT_DB_ALIAS, close_old_connections, connections
from django.http import HttpRequest

from core import problems
from core.outages import outage_of

try:
    import fcntl
    import termios
except ImportError:  # Windows has no pipes of this kind: there a stream is kept in memory, which suits a laptop.
    fcntl = termios = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

Headers = list[tuple[str, str]]
STREAMS = 8
"""Streams that one worker sends at a time."""

SECONDS_FOR_A_PLACE = 5
"""What one more stream waits for another one to end."""

SECONDS_PER_PIECE = 60
"""What a client has to take what the pipe holds, and the server to open the pipe."""

AT_ONCE = 64 * 1024
"""A shorter answer is sent as a whole, and a longer one made ready up to this before its status is sent."""

SECONDS_TO_GIVE_WAY = 0.0005
"""What a thread that makes a piece keeps the interpreter for when another thread wants it."""

DESCRIPTORS = "/proc/self/fd" if Path("/proc/self/fd").is_dir() else "/dev/fd"
OPENING_PAUSE_SECONDS = 0.005


class Gone(Exception):
    """The client went away, or takes nothing any more."""


class Streams:
    """The streamed answers of one worker, whose pieces are made in a thread of their own."""

    def __init__(self, *, places: int = STREAMS, patience_seconds: float = SECONDS_FOR_A_PLACE) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="streams")
        self._places = asyncio.Semaphore(places)
        self._patience = patience_seconds

    async def send(self, response: Any, protocol: Any, *, status: int, headers: Headers, client: str) -> bool:
        """Send a streaming response of Django and close it; return False, with nothing sent, when there is no place.

        `client` is the address of the other side as the server names it.
        """
        try:
            if (path := file_of(response)) is not None:
                protocol.response_file(status, headers, path)
                return True
            try:
                await asyncio.wait_for(self._places.acquire(), self._patience)
            except TimeoutError:
                return False
            try:
                await self._send(iter(response), protocol, status, headers, client)
            finally:
                self._places.release()
            return True
        finally:
            await self._run(response.close)

    async def _send(self, pieces: Iterator[bytes], protocol: Any, status: int, headers: Headers, client: str) -> None:
        try:
            beginning, is_whole = await self._run(_beginning, pieces)
        except Exception as error:  # noqa: BLE001  whatever it is, nothing is sent yet
            _refuse(protocol, error)
            return
        if is_whole:
            protocol.response_bytes(status, headers, beginning)
            return
        if fcntl is None:
            await self._send_at_once(beginning, pieces, protocol.response_stream(status, headers))
            return
        with Pipe() as pipe:
            protocol.response_file(status, headers, pipe.path)
            try:
                await pipe.write(beginning)
                while (piece := await self._run(_next_piece, pieces)) is not None:
                    await pipe.write(piece)
            except Gone:
                log.info("A client went away in the middle of an answer.")
                cut(client)
            except Exception:
                log.exception("An answer could not be finished.")
                cut(client)

    async def _send_at_once(self, beginning: bytes, pieces: Iterator[bytes], transport: Any) -> None:
        await transport.send_bytes(beginning)
        while (piece := await self._run(_next_piece, pieces)) is not None:
            await transport.send_bytes(piece)

    def _run(self, work: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        return asyncio.get_running_loop().run_in_executor(self._thread, _with_connection, work, *arguments)


class Pipe:
    """A pipe that another part of the process opens by its path, reads, and closes when nobody wants it any more."""

    def __init__(self) -> None:
        self._reader: int | None
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self.path = f"{DESCRIPTORS}/{self._reader}"

    def __enter__(self) -> Pipe:
        return self

    def __exit__(self, *details: object) -> None:
        self._close_reader()
        os.close(self._writer)

    async def write(self, data: bytes) -> None:
        """Put everything into the pipe, as fast as the other side reads; raises `Gone`."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._writer, rest) :]
            except BlockingIOError:
                await self._wait_for_room()
            except BrokenPipeError:
                raise Gone from None
            await self._wait_until_opened()

    async def _wait_for_room(self) -> None:
        loop = asyncio.get_running_loop()
        has_room = asyncio.Event()
        loop.add_writer(self._writer, has_room.set)
        try:
            async with asyncio.timeout(SECONDS_PER_PIECE):
                await has_room.wait()
        except TimeoutError:
            raise Gone from None
        finally:
            loop.remove_writer(self._writer)

    async def _wait_until_opened(self) -> None:
        """Close the own end once the other side reads from its own: only then a write fails when that is closed."""
        if self._reader is None:
            return
        held = self._held()
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_PER_PIECE):
                while self._held() >= held:
                    await asyncio.sleep(OPENING_PAUSE_SECONDS)
        self._close_reader()

    def _held(self) -> int:
        """How many bytes wait in the pipe."""
        count = array.array("i", [0])
        fcntl.ioctl(self._writer, termios.FIONREAD, count)
        return count[0]

    def _close_reader(self) -> None:
        if self._reader is not None:
            os.close(self._reader)
            self._reader = None


def file_of(response: Any) -> str | None:
    """The path of the file that the response sends from its first byte to its last; None when it is anything else."""
    file = getattr(response, "file_to_stream", None)
    path = getattr(file, "name", None)
    if not isinstance(path, str | os.PathLike) or response.status_code != 200:
        return None
    is_whole = (
        file is not None and file.tell() == 0 and str(os.fstat(file.fileno()).st_size) == response.get("Content-Length")
    )
    return os.fspath(path) if is_whole and Path(path).is_absolute() else None


def cut(client: str) -> None:
    """End the connection to a client (`host:port`), so that what it was sent does not look complete."""
    host, _, port = client.rpartition(":")
    wanted = (host.strip("[]"), int(port))
    for descriptor in map(int, os.listdir(DESCRIPTORS)):  # noqa: PTH208
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode) and _cut_if_to(wanted, os.dup(descriptor)):
                return


def _cut_if_to(wanted: tuple[str, int], descriptor: int) -> bool:
    with socket.socket(fileno=descriptor) as connection:
        if connection.getpeername()[:2] != wanted:
            return False
        connection.shutdown(socket.SHUT_RDWR)
        return True


def _beginning(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """The first pieces, and whether they are all there is."""
    found = bytearray()
    for piece in pieces:
        found += piece
        if len(found) > AT_ONCE:
            return bytes(found), False
    return bytes(found), True


def _refuse(protocol: Any, error: Exception) -> None:
    """Answer with a problem in place of a stream that could not be begun."""
    outage = outage_of(error)
    if outage is None:
        log.error("An answer could not be begun.", exc_info=error)
        response = problems.server_error(HttpRequest())
    else:
        log.error("%s %s", outage.title, error)
        response = problems.outage_response(outage)
    protocol.response_bytes(response.status_code, list(response.items()), response.content)


def _next_piece(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)


def _with_connection(work: Callable[..., Any], *arguments: Any) -> Any:
    """Give a pooled connection back after every piece: the next one may be wanted in an hour.

    Meanwhile requests get their turn sooner than Python would let them: they ask for it many times each.
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SECONDS_TO_GIVE_WAY)
    try:
        return work(*arguments)
    finally:
        sys.setswitchinterval(usual)
        if not connections[DEFAULT_DB_ALIAS].in_atomic_block:
            close_old_connections()
