"""A client that remembers what it was told and repeats what was not answered, and a load made of several of them."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import cycle, islice, pairwise
from typing import Any, Self

from tests.faults.stage import THREAD, Stage

REPEATED_STATUSES = frozenset({503, 507})
TIMEOUT_SECONDS = 30.0
PATIENCE_SECONDS = 180.0
PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.5
"""Without an answer the pause doubles up to this."""

MAX_PAUSE_SECONDS = 2.0
"""`Retry-After` is honoured up to this."""

BATCH = 3


@dataclass(frozen=True)
class Operation:
    """A POST with a key of its own. `tokens` are the contents of its messages, or the title of its thread."""

    kind: str
    path: str
    body: dict[str, Any]
    tokens: tuple[str, ...]
    thread: str | None = None
    idempotency_key: str = field(default_factory=lambda: uuid.uuid4().hex)


def append(thread: str, token: str) -> Operation:
    return Operation("append", f"/api/threads/{thread}/messages", {"role": "user", "content": token}, (token,), thread)


def batch(thread: str, token: str, size: int = BATCH) -> Operation:
    tokens = tuple(f"{token}.{part}" for part in range(size))
    messages = [{"role": "user", "content": each} for each in tokens]
    return Operation("batch", f"/api/threads/{thread}/messages/batch", {"messages": messages}, tokens, thread)


def creation(token: str) -> Operation:
    return Operation("thread", "/api/threads", {**THREAD, "title": token}, (token,))


@dataclass(frozen=True)
class Answer:
    """A whole answer: `at` is the moment on the monotonic clock at which it was there, in seconds."""

    status: int
    retry_after: str | None
    text: str
    at: float
    is_replayed: bool = False


@dataclass(frozen=True)
class Acknowledgement:
    """An operation that was answered with 201, after how many repeats, and after how long all in all."""

    operation: Operation
    answer: Answer
    repeats: int
    seconds: float

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows that the server said it stored: messages, or one thread."""
        made = json.loads(self.answer.text)
        rows: list[dict[str, Any]] = made.get("messages", [made])
        return rows


class Record:
    """What clients were told; many of them may write to one record at once."""

    def __init__(self) -> None:
        self.run = uuid.uuid4().hex[:8]
        self.started = time.monotonic()
        self.acknowledgements: list[Acknowledgement] = []
        self.unresolved: list[Operation] = []
        """Sent, and not answered within the client's patience: may be stored or not, once."""
        self.refused: list[tuple[Operation, Answer]] = []
        """Answered with anything but 201, 503 and 507."""
        self.answers: list[Answer] = []
        self.lost_answers = 0
        """Requests that ended without a whole answer: connection refused, reset, or timed out."""
        self.repeats = 0
        self._lock = threading.Lock()

    def add_lost(self) -> None:
        with self._lock:
            self.lost_answers += 1

    def add_repeat(self) -> None:
        with self._lock:
            self.repeats += 1

    def statuses(self) -> Counter[int]:
        return Counter(answer.status for answer in self.answers)

    def acknowledged_messages(self) -> list[tuple[str, dict[str, Any]]]:
        """Thread id and row of each acknowledged message."""
        told = [each for each in self.acknowledgements if each.operation.thread is not None]
        return [(str(each.operation.thread), row) for each in told for row in each.rows]

    def acknowledged_threads(self) -> list[dict[str, Any]]:
        return [row for each in self.acknowledgements if each.operation.thread is None for row in each.rows]

    def worst_wait(self) -> float:
        """The longest time in seconds from the first attempt of an operation to its acknowledgement."""
        return max((each.seconds for each in self.acknowledgements), default=0.0)

    def longest_stall(self) -> float:
        """The longest time in seconds in which nobody was acknowledged anything."""
        moments = [self.started, *sorted(each.answer.at for each in self.acknowledgements)]
        return max((later - earlier for earlier, later in pairwise(moments)), default=0.0)

    def recovery_after(self, moment: float) -> float | None:
        """Seconds from a moment of the monotonic clock to the next acknowledgement; None when there was none."""
        later = [each.answer.at for each in self.acknowledgements if each.answer.at >= moment]
        return min(later) - moment if later else None


class RecordingClient:
    """Delivers operations one after the other over one connection. Not for several threads at once."""

    def __init__(
        self,
        port: int,
        key: str,
        record: Record,
        *,
        timeout: float = TIMEOUT_SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.record = record
        self._address = ("127.0.0.1", port)
        self._key = key
        self._timeout = timeout
        self.patience = patience
        self._connection: HTTPConnection | None = None

    def deliver(self, operation: Operation) -> Acknowledgement | None:
        """Send until it is answered, with the same key and body; None when it was refused or patience ran out."""
        started = time.monotonic()
        repeats = 0
        while (answer := self.attempt(operation)) is None or answer.status in REPEATED_STATUSES:
            if time.monotonic() - started > self.patience:
                self.record.unresolved.append(operation)
                return None
            repeats += 1
            self.record.add_repeat()
            time.sleep(_pause(answer, repeats))
        if answer.status != 201:
            self.record.refused.append((operation, answer))
            return None
        told = Acknowledgement(operation, answer, repeats, answer.at - started)
        self.record.acknowledgements.append(told)
        return told

    def attempt(self, operation: Operation) -> Answer | None:
        """Send once; None when no whole answer came back."""
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
            "Idempotency-Key": operation.idempotency_key,
        }
        if self._connection is None:
            self._connection = HTTPConnection(*self._address, timeout=self._timeout)
        try:
            self._connection.request("POST", operation.path, json.dumps(operation.body).encode(), headers)
            response = self._connection.getresponse()
            text = response.read().decode()
        except (OSError, HTTPException):
            self.close()
            self.record.add_lost()
            return None
        is_replayed = response.getheader("Idempotent-Replayed") == "true"
        answer = Answer(response.status, response.getheader("Retry-After"), text, time.monotonic(), is_replayed)
        self.record.answers.append(answer)
        return answer

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _pause(answer: Answer | None, repeats: int) -> float:
    if answer is None or not (answer.retry_after or "").isdigit():
        return min(PAUSE_SECONDS * 2.0 ** min(repeats - 1, 10), LONGEST_PAUSE_SECONDS)
    return min(float(str(answer.retry_after)), MAX_PAUSE_SECONDS)


Choice = Callable[[int, int], Operation]
"""Which operation a client sends: from its number and its turn."""


class Load:
    """Clients that work in the background while something happens to the server.

        with Load(stage, clients=8) as load:
            time.sleep(1)
            ...  # the fault
            time.sleep(1)
        verdict = judge(stage, load.record, fault="…")

    Each client appends to one of the threads by turns; every seventh operation is a batch, every eleventh creates a
    thread. `choose(number, turn)` names other operations; their tokens must be unique. Clients take turns at the
    `ports`, by default the one of the stage's server. Leaving the context lets every
    client bring its last operation to an end, so the server has to be up again by then.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        clients: int = 8,
        threads: Sequence[str] = (),
        ports: Sequence[int] = (),
        choose: Choice | None = None,
        pause: float = 0.0,
        timeout: float = TIMEOUT_SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.record = Record()
        self.threads = list(threads) or [stage.create_thread(title="loaded")]
        self._choose = choose or self.mixture
        self._pause = pause
        self._stop = threading.Event()
        self._failures: list[BaseException] = []
        self._clients = [
            RecordingClient(port, stage.key, self.record, timeout=timeout, patience=patience)
            for port in islice(cycle(ports or [stage.server.port]), clients)
        ]
        self._workers = [
            threading.Thread(target=self._work, args=numbered, daemon=True) for numbered in enumerate(self._clients)
        ]

    def __enter__(self) -> Self:
        self.record.started = time.monotonic()
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(self, error: type[BaseException] | None, *details: object) -> None:
        self._stop.set()
        if error is not None:
            for client in self._clients:
                client.patience = 0.0
        for worker in self._workers:
            worker.join()
        assert self._failures == []

    def mixture(self, number: int, turn: int) -> Operation:
        token = f"{self.record.run}-{number}-{turn}"
        thread = self.threads[(number + turn) % len(self.threads)]
        if turn % 11 == 10:
            return creation(token)
        return batch(thread, token) if turn % 7 == 6 else append(thread, token)

    def _work(self, number: int, client: RecordingClient) -> None:
        turn = 0
        try:
            while not self._stop.is_set():
                client.deliver(self._choose(number, turn))
                turn += 1
                time.sleep(self._pause)
        except Exception as error:  # noqa: BLE001  told by the thread that waits for this one
            self._failures.append(error)
        finally:
            client.close()
