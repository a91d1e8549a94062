"""Clients that go away in the middle of something."""

from __future__ import annotations

import json
import socket
import struct
from contextlib import suppress
from typing import Any

from tests.faults.stage import Stage

SMALL_WINDOW = 4096
"""Bytes that the client's side takes in: the server cannot get rid of a large answer."""

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing the socket resets the connection instead of ending it in order."""


class Leaver:
    """Opens connections to a server, says or hears part of what is to be said, and is gone."""

    def __init__(self, stage: Stage) -> None:
        self._address = ("127.0.0.1", stage.server.port)
        self._key = stage.key

    def in_body(self, path: str, body: Any, *, missing: int, resets: bool) -> None:
        """Send a POST without the last bytes of its body."""
        raw = json.dumps(body).encode()
        with self._connected(resets) as connection:
            connection.sendall(self._head("POST", path, len(raw)) + raw[: max(0, len(raw) - missing)])

    def before_answer(self, path: str, body: Any, *, idempotency_key: str, resets: bool) -> None:
        """Send a whole POST and do not wait for the answer."""
        raw = json.dumps(body).encode()
        with self._connected(resets) as connection:
            connection.sendall(self._head("POST", path, len(raw), idempotency_key) + raw)

    def in_answer(self, path: str, *, resets: bool) -> int:
        """Ask for a path, take the beginning of the answer, and return its status."""
        with self._connected(resets) as connection:
            connection.sendall(self._head("GET", path, 0))
            with suppress(ConnectionError):
                return int(connection.recv(SMALL_WINDOW).split(b" ", 2)[1])
        return 0

    def _connected(self, resets: bool) -> socket.socket:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_WINDOW)
        connection.settimeout(30)
        connection.connect(self._address)
        if resets:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        return connection

    def _head(self, method: str, path: str, length: int, idempotency_key: str = "") -> bytes:
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Authorization: Bearer {self._key}",
            "Content-Type: application/json",
            f"Content-Length: {length}",
            *([f"Idempotency-Key: {idempotency_key}"] if idempotency_key else []),
        ]
        return "\r\n".join([*lines, "", ""]).encode()
