"""Fault 8 without a database: what a slow client may hold of the server, and for how long.

The limits are those of `manage.py serve`, with shorter times; the application behind them is one of its own.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException

import pytest
from django.db import connection

from tests.faults.streaming_server import GRACE_SECONDS, MEMORY_BYTES, PIECE_BYTES, PIECES, PLACES, piece
from tests.processes import Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(connection.vendor == "postgresql", reason="no database is involved: once is enough"),
]

IDLE_SECONDS = 1
CONNECTIONS = 40
BUFFERED_BYTES = 16 * 1024 * 1024
"""More than the sockets and the pipe between server and client hold."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    limits = {"SERVER_IDLE_SECONDS": str(IDLE_SECONDS), "SERVER_CONNECTIONS": str(CONNECTIONS)}
    env = {"DATABASE_URL": "sqlite:///:memory:", "DJANGO_SETTINGS_MODULE": "config.settings", **limits}
    log = tmp_path_factory.mktemp("streaming") / "server.log"
    with Server(env, log, workers=1, command=("-m", "tests.faults.streaming_server")) as started:
        yield started


def connect(server: Server, sent: bytes = b"", *, window: int | None = None) -> socket.socket:
    client = socket.socket()
    if window is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    client.settimeout(30)
    client.connect(("127.0.0.1", server.port))
    client.sendall(sent)
    return client


def head(path: str, *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def rest_of(client: socket.socket) -> bytes:
    """Everything until the server ends the connection."""
    found = bytearray()
    try:
        while data := client.recv(1 << 16):
            found += data
    except ConnectionResetError:
        pass
    return bytes(found)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def counted(server: Server) -> dict[str, int]:
    counts: dict[str, int] = json.loads(fetch(server, "/made"))
    return counts


def fetch(server: Server, path: str) -> bytes:
    asked = HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        asked.request("GET", path)
        return asked.getresponse().read()
    finally:
        asked.close()


def wait_for_streams_to_end(server: Server, count: int) -> None:
    deadline = time.monotonic() + 20
    while counted(server)["ended"] < count and time.monotonic() < deadline:
        time.sleep(0.05)
    assert counted(server)["ended"] == count


def test_stream_arrives_whole(server: Server) -> None:
    assert fetch(server, "/stream") == b"".join(map(piece, range(PIECES)))


def test_stream_is_made_no_faster_than_it_is_read(server: Server) -> None:
    before = counted(server)
    with connect(server, head("/stream", "Connection: close"), window=4096) as client:
        time.sleep(1)
        made = counted(server)["made"] - before["made"]
        time.sleep(0.5)
        assert counted(server)["made"] - before["made"] == made
        assert 0 < made * PIECE_BYTES < BUFFERED_BYTES

        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        rest_of(client)
    assert counted(server)["made"] - before["made"] == PIECES
    wait_for_streams_to_end(server, before["ended"] + 1)


def test_unread_streams_leave_the_server_to_others(server: Server) -> None:
    before = counted(server)
    readers = [connect(server, head("/stream"), window=4096) for _ in range(PLACES)]
    time.sleep(1)
    others = [fetch(server, "/") != b"" for _ in range(20)]
    with connect(server, head("/stream", "Connection: close")) as client:
        one_more = status_of(rest_of(client))
    for reader in readers:
        reader.close()

    assert (others, one_more) == ([True] * 20, 503)
    # The one that found no place was never begun.
    wait_for_streams_to_end(server, before["ended"] + PLACES)
    assert fetch(server, "/stream")[-PIECE_BYTES:] == piece(PIECES - 1)


def test_stream_that_fails_does_not_look_complete(server: Server) -> None:
    with pytest.raises((HTTPException, ConnectionError)):
        fetch(server, "/broken")


def test_stream_that_cannot_be_begun_is_an_error(server: Server) -> None:
    with connect(server, head("/refused", "Connection: close")) as client:
        answer = rest_of(client)
    assert status_of(answer) == 500
    assert b"application/problem+json" in answer


def test_connections_without_a_head_are_ended(server: Server) -> None:
    started = time.monotonic()
    silent = connect(server)
    half = connect(server, b"GET / HTTP/1.1\r\nX-Slow: ")
    idle = connect(server, head("/"))
    answers = [rest_of(client) for client in (silent, half, idle)]
    for client in (silent, half, idle):
        client.close()

    assert [answer[:15] for answer in answers] == [b"", b"", b"HTTP/1.1 200 OK"]
    assert IDLE_SECONDS - 0.5 < time.monotonic() - started < IDLE_SECONDS + 10


def test_head_that_drips_is_ended(server: Server) -> None:
    started = time.monotonic()
    with connect(server, b"GET / HTTP/1.1\r\nX-Slow: ") as client, pytest.raises(OSError):
        while time.monotonic() - started < IDLE_SECONDS + 10:
            client.sendall(b"x")
            time.sleep(0.2)


def test_connections_beyond_the_limit_wait_for_idle_ones_to_end(server: Server) -> None:
    idle = [connect(server) for _ in range(CONNECTIONS + 5)]
    assert fetch(server, "/") != b""
    for client in idle:
        client.close()


@pytest.mark.parametrize(
    ("headers", "status"), [(["X: y"] * 200, 431), ([f"X: {'y' * 600_000}"], 431), ([f"X: {'y' * 30_000}"], 200)]
)
def test_heads_are_bounded(server: Server, headers: list[str], status: int) -> None:
    with connect(server) as client:
        try:
            client.sendall(head("/", *headers, "Connection: close"))
            answer = rest_of(client)
        except (BrokenPipeError, ConnectionResetError):
            # Refused while it was still being sent.
            answer = b"HTTP/1.1 431"
    assert status_of(answer + b" ") == status


def test_body_that_drips_is_given_up_after_the_grace_whatever_it_announced(server: Server) -> None:
    started = time.monotonic()
    with connect(server, head("/body", f"Content-Length: {MEMORY_BYTES}", method="POST") + b"x") as client:
        answer = client.recv(1000)
    assert status_of(answer) == 408
    assert GRACE_SECONDS - 0.5 < time.monotonic() - started < GRACE_SECONDS + 10


def test_bodies_together_hold_no_more_than_their_memory(server: Server) -> None:
    announced = head("/body", f"Content-Length: {MEMORY_BYTES}", method="POST")
    almost = b"x" * (MEMORY_BYTES - 100_000)
    small = head("/body", "Content-Length: 1000", method="POST") + b"x" * 1000

    with connect(server, announced + almost) as first:
        time.sleep(0.5)
        with connect(server, announced + b"x" * 500_000) as second:
            refused = status_of(second.recv(1000))
        with connect(server, small) as third:
            answered = status_of(third.recv(1000))
        first.sendall(b"x" * 100_000)
        finished = first.recv(1000)
    with connect(server, announced + almost + b"x" * 100_000) as later:
        again = status_of(later.recv(1000))

    assert (refused, answered, status_of(finished), again) == (503, 200, 200, 200)
    assert finished.endswith(str(MEMORY_BYTES).encode())


def test_no_error_but_the_expected_one_was_logged(server: Server) -> None:
    lines = server.log().splitlines()
    assert {line for line in lines if "Error: " in line} == {"ValueError: the database went away"}
