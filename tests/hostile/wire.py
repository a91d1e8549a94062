"""Requests written byte by byte, as no proper client writes them, to a server as a deployment runs it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

from tests.databases import new_database
from tests.installation import Installation

THREAD = {"agent_type": "chat", "model": "gpt-test", "provider": "openai"}


@dataclass(frozen=True)
class Answer:
    """One answer of the server."""

    status: int
    headers: dict[str, str]
    body: bytes


class Target:
    """A server with one thread in it, and the key to it."""

    def __init__(self, port: int, key: str) -> None:
        self.port = port
        self.key = key
        self.thread = str(self.ask("POST", "/api/threads", THREAD)["id"])
        self.path = f"/api/threads/{self.thread}/messages"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a proper request and return what it answers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            return json.load(connection.getresponse())
        finally:
            connection.close()

    def stored(self) -> list[str | None]:
        """The texts of the messages in the thread."""
        return [row["content"] for row in self.ask("GET", f"{self.path}?limit=1000")["results"]]

    def head(self, path: str, *headers: str, method: str = "POST") -> bytes:
        """The first lines of a request, without the empty one that ends them."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Authorization: Bearer {self.key}"]
        return "\r\n".join([*lines, "Content-Type: application/json", *headers, ""]).encode()

    def post(self, body: bytes, *headers: str, length: int | None = None) -> bytes:
        """A whole request for a message; `length` may lie about the body."""
        told = len(body) if length is None else length
        return self.head(self.path, f"Content-Length: {told}", *headers) + b"\r\n" + body

    def connect(self) -> Wire:
        return Wire(self.port)


class Wire:
    """A connection that reads answers one by one."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._file.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self) -> Answer | None:
        """The next answer, None when the server has closed the connection."""
        try:
            line = self._file.readline()
        except ConnectionResetError:
            return None
        if not line:
            return None
        headers = dict(self._headers())
        body = self._file.read(int(headers.get("content-length", "0")))
        return Answer(int(line.split()[1]), headers, body)

    def answers(self) -> list[Answer]:
        """Every answer until the server closes the connection."""
        found = []
        while (answer := self.answer()) is not None:
            found.append(answer)
        return found

    def _headers(self) -> Iterator[tuple[str, str]]:
        while (line := self._file.readline().decode("latin-1").strip()) != "":
            name, _, value = line.partition(":")
            yield name.lower(), value.strip()


@contextmanager
def target(folder: Path) -> Iterator[Target]:
    """Start the server as `make run` does, over a new database."""
    with new_database(folder) as url:
        env = {"DATABASE_URL": url, "DEBUG": "true", "MIGRATE_ON_START": "true", "LOG_LEVEL": "ERROR"}
        installation = Installation(folder, env)
        with installation.serve(installation.manage("serve")) as serving:
            serving.wait_until_ready()
            installation.run(installation.manage("create_organization", "acme"))
            made = installation.run(installation.manage("create_api_key", "--organization", "acme", "--name", "wire"))
            yield Target(installation.port, made.stdout.strip())


@contextmanager
def dripping(target: Target, opening: bytes, *, count: int) -> Iterator[list[Wire]]:
    """Hold connections that sent an opening and go on with one byte a second each."""
    wires = [target.connect() for _ in range(count)]
    for wire in wires:
        wire.send(opening)
    is_over = threading.Event()

    def drip() -> None:
        while not is_over.wait(1):
            for wire in wires:
                with suppress(OSError):
                    wire.send(b"x")

    dripper = threading.Thread(target=drip)
    dripper.start()
    try:
        yield wires
    finally:
        is_over.set()
        dripper.join()
        for wire in wires:
            wire.__exit__()


def milliseconds(target: Target, *, count: int = 300) -> list[float]:
    """How long reads and writes of a proper client take, in order of length."""
    request = target.head(target.path, method="GET") + b"\r\n"
    append = target.post(b'{"role": "user"}')
    times = []
    with target.connect() as wire:
        for index in range(count):
            started = time.perf_counter()
            wire.send(append if index % 10 == 0 else request)
            answer = wire.answer()
            times.append((time.perf_counter() - started) * 1000)
            assert answer is not None
            assert answer.status in (200, 201)
    return sorted(times)
