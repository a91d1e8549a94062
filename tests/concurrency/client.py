"""A client that sends each request again until it is answered; prints what it was told as JSON.

    python -m tests.concurrency.client PORT KEY THREAD NUMBER SECONDS

It needs neither Django nor a database. By its number it names its requests in one of three ways: an
`Idempotency-Key`, an `id` of its own, or a key over a batch. Every fourth request it abandons once without waiting
for the answer, so that the second one meets the first still at work.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

PAUSE_SECONDS = 0.1
REQUEST_TIMEOUT_SECONDS = 30
BATCH = 3
ABANDONED = 4


@dataclass
class Told:
    """What the server acknowledged, how often the client had to ask again, and answers that should not be."""

    positions: dict[str, int] = field(default_factory=dict)
    repeats: int = 0
    replays: int = 0
    refusals: list[tuple[int, str]] = field(default_factory=list)
    longest: float = 0.0


class Client:
    def __init__(self, port: int, key: str, thread: str, number: int) -> None:
        self.told = Told()
        self._port = port
        self._key = key
        self._thread = thread
        self._number = number
        self._connection: HTTPConnection | None = None

    def run(self, seconds: float) -> None:
        """Send one message after the other for some time; the last one is still brought to its end."""
        deadline = time.monotonic() + seconds
        turn = 0
        while time.monotonic() < deadline and not self.told.refusals:
            self._deliver(turn)
            turn += 1

    def _deliver(self, turn: int) -> None:
        path, body, headers = self._request(turn)
        started = time.monotonic()
        if turn % ABANDONED == 0:
            self._abandon(path, body, headers)
        while (answer := self._attempt(path, body, headers)) is None:
            self.told.repeats += 1
            time.sleep(PAUSE_SECONDS)
        self.told.longest = max(self.told.longest, time.monotonic() - started)
        status, replayed, text = answer
        if status != 201:
            self.told.refusals.append((status, text))
            return
        self.told.replays += replayed
        made = json.loads(text)
        for message in made.get("messages", [made]):
            self.told.positions[message["content"]] = message["position"]

    def _request(self, turn: int) -> tuple[str, bytes, dict[str, str]]:
        name = f"{self._number}-{turn}"
        path = f"/api/threads/{self._thread}/messages"
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        body: dict[str, Any] = {"role": "user", "content": name}
        kind = self._number % 3
        if kind == 0:
            body["id"] = str(uuid.uuid4())
        else:
            headers["Idempotency-Key"] = f"request {name}"
        if kind == 2:
            path += "/batch"
            body = {"messages": [{"role": "user", "content": f"{name}-{part}"} for part in range(BATCH)]}
        return path, json.dumps(body).encode(), headers

    def _abandon(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=REQUEST_TIMEOUT_SECONDS)
        with suppress(OSError, HTTPException):
            connection.request("POST", path, body, headers)
        connection.close()

    def _attempt(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bool, str] | None:
        """Return status, whether it is a repeated answer, and text; None when no whole answer came back."""
        if self._connection is None:
            self._connection = HTTPConnection("127.0.0.1", self._port, timeout=REQUEST_TIMEOUT_SECONDS)
        try:
            self._connection.request("POST", path, body, headers)
            response = self._connection.getresponse()
            return response.status, response.getheader("Idempotent-Replayed") == "true", response.read().decode()
        except (OSError, HTTPException):
            self._connection.close()
            self._connection = None
            return None


def main(port: str, key: str, thread: str, number: str, seconds: str) -> None:
    client = Client(int(port), key, thread, int(number))
    client.run(float(seconds))
    print(json.dumps(vars(client.told)))


if __name__ == "__main__":
    main(*sys.argv[1:])
