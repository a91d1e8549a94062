"""Fault 8: two hundred sockets that send or take a byte a second; everybody else is served as if they were not there.

What each of them may hold, and for how long, stands in `test_slow_clients.py`.
"""

from __future__ import annotations

import json
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.faults.conftest import Report
from tests.faults.stage import Stage
from tests.faults.verdict import Verdict

SLOW_SOCKETS = 200
REQUESTS = 300
MOST_ROUNDS = 6
WORSE_AT_MOST = 2.0
"""The p99 of others beside slow sockets, over their p99 without."""

MOST_MEGABYTES = 250
"""What one worker may use beside them; answers that are no streams, held until they are taken, come on top."""

SETTLING_SECONDS = 3
LARGE_ANSWER = 2_000_000
EXPORTED_BATCHES = 20
BATCH = 1000

Opening = Callable[[Stage, str], bytes]


def head(stage: Stage, method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {stage.key}"]
    return "\r\n".join([*lines, "Content-Type: application/json", *headers, ""]).encode()


def slow_heads(stage: Stage, thread: str) -> bytes:
    return head(stage, "GET", f"/api/threads/{thread}") + b"X-Slow: "


def slow_bodies(stage: Stage, thread: str) -> bytes:
    opened = head(stage, "POST", f"/api/threads/{thread}/messages", "Content-Length: 10000000")
    return opened + b'\r\n{"role": "user", "content": "' + b"x" * 100_000


def slow_readers(stage: Stage, thread: str) -> bytes:
    return head(stage, "GET", f"/api/threads/{thread}/messages?limit=50") + b"\r\n"


def slow_exports(stage: Stage, thread: str) -> bytes:
    return head(stage, "GET", "/api/usage/export?format=jsonl") + b"\r\n"


def fill(stage: Stage, thread: str) -> None:
    """Make the answer of a read large, and that of an export larger."""
    stage.send("POST", f"/api/threads/{thread}/messages", {"role": "user", "content": "x" * LARGE_ANSWER})
    record = {"provider": "openai", "model": "gpt-test", "input_tokens": 1, "output_tokens": 1}
    for _ in range(EXPORTED_BATCHES):
        status, _headers, answer = stage.send("POST", "/api/usage/batch", {"records": [record] * BATCH})
        assert status == 201, answer[:500]


@contextmanager
def slow_sockets(stage: Stage, opening: bytes) -> Iterator[None]:
    """Hold connections that began with the opening, and go on with a byte a second each, both ways."""
    sockets = []
    for _ in range(SLOW_SOCKETS):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", stage.server.port))
        client.setblocking(False)
        sockets.append((client, memoryview(opening)))
    is_over = threading.Event()
    dripper = threading.Thread(target=_drip, args=(sockets, is_over))
    dripper.start()
    try:
        time.sleep(SETTLING_SECONDS)
        yield
    finally:
        is_over.set()
        dripper.join()
        for client, _rest in sockets:
            client.close()


def _drip(sockets: list[tuple[socket.socket, memoryview]], is_over: threading.Event) -> None:
    with selectors.DefaultSelector() as waiting:
        for client, opening in sockets:
            waiting.register(client, selectors.EVENT_WRITE, opening)
        while waiting.get_map() and not is_over.is_set():
            for key, _ in waiting.select(timeout=0.1):
                with suppress(BlockingIOError):
                    rest = key.data[key.fileobj.send(key.data) :]  # type: ignore[union-attr]
                    waiting.unregister(key.fileobj)
                    if rest:
                        waiting.register(key.fileobj, selectors.EVENT_WRITE, rest)
    while not is_over.wait(1):
        for client, opening in sockets:
            with suppress(OSError):
                client.recv(1)
            with suppress(OSError):
                if not opening.tobytes().endswith(b"\r\n"):
                    client.send(b"x")


def milliseconds(stage: Stage, thread: str) -> float:
    """The p99 of reads and appends over one connection."""
    times = []
    others = HTTPConnection("127.0.0.1", stage.server.port, timeout=60)
    headers = {"Authorization": f"Bearer {stage.key}", "Content-Type": "application/json"}
    body = json.dumps({"role": "user", "content": "beside"})
    try:
        for number in range(REQUESTS):
            started = time.perf_counter()
            if number % 10:
                others.request("GET", "/api/threads?limit=20", headers=headers)
            else:
                others.request("POST", f"/api/threads/{thread}/messages", body, headers)
            response = others.getresponse()
            response.read()
            times.append((time.perf_counter() - started) * 1000)
            assert response.status in (200, 201)
    finally:
        others.close()
    return sorted(times)[int(REQUESTS * 0.99)]


def memory(stage: Stage) -> int:
    """Megabytes of the largest worker."""
    return max(_resident(worker) for worker in stage.server.workers())


def _resident(process: int) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))


@pytest.mark.faults
@pytest.mark.parametrize("opening", [slow_heads, slow_bodies, slow_readers, slow_exports])
def test_slow_sockets_burden_nobody(stage: Stage, report: Report, opening: Opening) -> None:
    large, thread = stage.create_thread(), stage.create_thread()
    fill(stage, large)
    milliseconds(stage, thread)
    ratios: list[float] = []
    figures: list[str] = []
    most = 0
    while len(ratios) < MOST_ROUNDS and min(ratios, default=WORSE_AT_MOST) >= WORSE_AT_MOST:
        alone = milliseconds(stage, thread)
        with slow_sockets(stage, opening(stage, large)):
            beside = milliseconds(stage, thread)
            most = max(most, memory(stage))
        ratios.append(beside / alone)
        figures.append(f"{beside:.1f}/{alone:.1f}")
    problems = [f"p99 beside slow sockets over idle p99: {figures}"] if min(ratios) >= WORSE_AT_MOST else []
    answers = SLOW_SOCKETS * LARGE_ANSWER // 1_000_000 if opening is slow_readers else 0
    if most > MOST_MEGABYTES + answers:
        problems.append(f"a worker used {most} MB")
    notes = f"p99 {figures[ratios.index(min(ratios))]} ms, a worker at most {most} MB"
    name = opening.__name__.replace("_", " ")
    report(Verdict(fault=f"8 {name}", database=stage.vendor, notes=notes, problems=tuple(problems)))
