"""The production server, which dies before it answers a request that asks for it; run as `python -m`.

A request with the header `Fault: die-before-answer` is carried out to its end. When the application hands over its
answer, that is written to the log and the worker is gone: what the client would have been told is known to the test
alone.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from typing import Any

import granian
from granian.server.mp import MPServer

HEADER = "fault"
DIE = "die-before-answer"
WITHHELD = "WITHHELD "


class LastWords:
    """The protocol of a request whose answer is written down instead of sent."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    async def __call__(self) -> Any:
        return await self._protocol()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._protocol, name)

    def response_bytes(self, status: int, headers: Any, body: bytes) -> None:
        told = [status, {name.lower(): value for name, value in headers}, body.decode()]
        print(WITHHELD + json.dumps(told), file=sys.stderr, flush=True)
        os._exit(1)


class Application:
    """The RSGI application of the product, but for requests that ask for death."""

    def __init__(self) -> None:
        from config.rsgi import application

        self._application = application

    def __rsgi_init__(self, loop: Any) -> None:
        self._application.__rsgi_init__(loop)

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        wants_death = scope.headers.get(HEADER) == DIE
        await self._application.__rsgi__(scope, LastWords(protocol) if wants_death else protocol)


def __getattr__(name: str) -> Any:
    """Load the application in the workers alone, as the server does with its own."""
    if name == "application":
        return Application()
    raise AttributeError(name)


class Server(MPServer):
    """Loads this module's application in place of the one it is told to."""

    def __init__(self, target: str, **options: Any) -> None:
        super().__init__("tests.faults.dying_server:application", **options)


if __name__ == "__main__":
    setattr(granian, "Granian", Server)  # noqa: B010  the name is not declared to be one that changes
    runpy.run_module("config.server", run_name="__main__")
