"""Bodies of requests: read within a time limit and a limit of memory, before a thread is taken.

A body that fits into one packet or a few costs nothing but its bytes. Of larger ones, all together may hold
`MEMORY_BYTES` in a worker, counted as they arrive and until they are answered: a length that is only announced holds
nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]  # re-exported in silence

GRACE_SECONDS = 15
BYTES_PER_SECOND = 64 * 1024
"""At every moment after the grace this many bytes must have arrived for each second."""

SMALL_BYTES = 64 * 1024
MEMORY_BYTES = 80 * 1024 * 1024


class NoRoom(Exception):
    """Other large bodies hold all the memory there is for them; the same request may be sent again."""


class Bodies:
    """The bodies that one worker reads; all methods run on its event loop."""

    def __init__(self, *, memory: int = MEMORY_BYTES, grace_seconds: float = GRACE_SECONDS) -> None:
        self._memory = memory
        self._grace = grace_seconds
        self.held = 0
        """Bytes of large bodies that have arrived and are not answered yet."""

    @asynccontextmanager
    async def received(self, protocol: Any, length: int) -> AsyncIterator[bytes]:
        """Read a body of this length and count it until the end of the block.

        Raises TimeoutError when it comes too slowly, ProtocolClosed when the client goes away, NoRoom.
        """
        if length <= SMALL_BYTES:
            yield await small(protocol, length)
            return
        held = 0
        body = bytearray()
        started = time.monotonic()
        try:
            pieces = aiter(protocol)
            while len(body) < length:
                left = self._grace + len(body) / BYTES_PER_SECOND - (time.monotonic() - started)
                async with asyncio.timeout(left):
                    piece: bytes = await pieces.__anext__()
                if not piece:
                    raise ProtocolClosed
                if self.held + len(piece) > self._memory:
                    raise NoRoom
                self.held += len(piece)
                held += len(piece)
                body += piece
            whole = bytes(body)
            body.clear()
            yield whole
        finally:
            self.held -= held


async def small(protocol: Any, length: int) -> bytes:
    """Read a body whose memory need not be counted; raises TimeoutError and ProtocolClosed."""
    async with asyncio.timeout(GRACE_SECONDS + length / BYTES_PER_SECOND):
        body: bytes = await protocol()
    return body
