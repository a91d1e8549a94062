"""A server with the limits of `manage.py serve` and an application that needs no database.

    PORT=… SERVER_IDLE_SECONDS=2 python -m tests.faults.streaming_server

`GET /stream` sends `PIECES` pieces, `GET /broken` fails after some and `GET /refused` before the first, `GET /made`
tells how many were made and how many streams have ended, `POST /body` tells the length of its body; everything else is
answered with 200.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

from django.http import StreamingHttpResponse
from granian import Granian
from granian.constants import Interfaces
from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]  # re-exported in silence

from config import settings
from config.bodies import Bodies, NoRoom
from config.listening import limits
from config.server import keep_signals_until_workers_listen, work
from config.streams import Streams

PIECE_BYTES = 64 * 1024
PIECES = 512
FAILS_AFTER = {"/stream": PIECES, "/broken": 50, "/refused": 0}
"""Pieces before the error, by path."""

PLACES = 4
PATIENCE_SECONDS = 0.2
GRACE_SECONDS = 1
MEMORY_BYTES = 2 * 1024 * 1024


def piece(number: int) -> bytes:
    return number.to_bytes(4, "big") * (PIECE_BYTES // 4)


class Application:
    """Answers without Django's handlers."""

    def __init__(self) -> None:
        self.made = 0
        self.ended = 0

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.streams = Streams(places=PLACES, patience_seconds=PATIENCE_SECONDS)
        self.bodies = Bodies(memory=MEMORY_BYTES, grace_seconds=GRACE_SECONDS)

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if scope.path in FAILS_AFTER:
            await self._stream(scope, protocol, fails_after=FAILS_AFTER[scope.path])
        elif scope.path == "/body":
            await self._read(scope, protocol)
        else:
            told = {"made": self.made, "ended": self.ended}
            protocol.response_str(200, [], json.dumps(told))

    async def _stream(self, scope: Any, protocol: Any, *, fails_after: int) -> None:
        response = StreamingHttpResponse(self._pieces(fails_after))
        if not await self.streams.send(response, protocol, status=200, headers=[], client=scope.client):
            protocol.response_str(503, [], "")

    def _pieces(self, fails_after: int) -> Iterator[bytes]:
        try:
            for number in range(PIECES):
                if number == fails_after:
                    raise ValueError("the database went away")
                self.made += 1
                yield piece(number)
        finally:
            self.ended += 1

    async def _read(self, scope: Any, protocol: Any) -> None:
        try:
            async with self.bodies.received(protocol, int(scope.headers["content-length"])) as body:
                protocol.response_str(200, [], str(len(body)))
        except TimeoutError:
            protocol.response_str(408, [("connection", "close")], "")
        except NoRoom:
            protocol.response_str(503, [("connection", "close")], "")
        except ProtocolClosed:
            return


application = Application()

if __name__ == "__main__":
    keep_signals_until_workers_listen()
    Granian(
        "tests.faults.streaming_server:application",
        interface=Interfaces.RSGI,
        websockets=False,
        address=settings.SERVER_HOST,
        port=settings.SERVER_PORT,
        workers=1,
        **limits(),
    ).serve(spawn_target=lambda *arguments, **options: work("", *arguments, **options))
