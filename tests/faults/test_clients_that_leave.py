"""Fault 9: clients that are gone in the middle of a body, before an answer, or in the middle of one.

Half of them end the connection in order, half reset it. Nothing of a body that did not arrive in full is stored; what
was asked for in full is stored once, however often it is asked for; other clients are answered meanwhile; and when all
have left, the workers hold no thread, no socket and no connection to the database more than before.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from django.db import connections

from tests.databases import connected
from tests.faults.conftest import Report
from tests.faults.judging import judge
from tests.faults.leaving import Leaver
from tests.faults.recording import Load, RecordingClient, append
from tests.faults.stage import Stage

ROUNDS = 60
"""Each has six clients that leave."""

LARGE_MESSAGES = 60
LARGE_CHARACTERS = 100_000
FEW = 5
"""Sockets and threads that a worker may have more than before: what it opens when it first needs it."""

SETTLING_SECONDS = 30


@pytest.mark.faults
def test_clients_may_leave_at_any_moment(stage: Stage, report: Report) -> None:
    leave_often(stage, report, rounds=ROUNDS)


@pytest.mark.slow
def test_some_clients_leave(shared_stage: Stage, report: Report) -> None:
    leave_often(shared_stage, report, rounds=6)


def leave_often(stage: Stage, report: Report, *, rounds: int) -> None:
    large = large_thread(stage)
    leaver = Leaver(stage)
    for turn in range(6):
        leave(leaver, stage.create_thread(), large, turn)
    time.sleep(1)
    before = resources(stage)
    with Load(stage, clients=3, pause=0.02) as load:
        client = RecordingClient(stage.server.port, stage.key, load.record)
        [thread] = load.threads
        for turn in range(rounds):
            leave(leaver, thread, large, turn)
            operation = append(thread, f"{load.record.run}-left-{turn}")
            leaver.before_answer(
                operation.path, operation.body, idempotency_key=operation.idempotency_key, resets=turn % 2 == 0
            )
            client.deliver(operation)
        client.close()
    settled, leaked = settle(stage, before)
    notes = f"{rounds * 6} clients left, let go of after {settled:.1f} s"
    report(judge(stage, load.record, fault="9 clients that leave", notes=notes, problems=leaked))


def large_thread(stage: Stage) -> str:
    """A thread whose first page has several megabytes."""
    thread = stage.create_thread()
    messages = [{"role": "user", "content": "x" * LARGE_CHARACTERS} for _ in range(LARGE_MESSAGES)]
    status, _headers, _body = stage.send("POST", f"/api/threads/{thread}/messages/batch", {"messages": messages})
    assert status == 201
    return thread


def leave(leaver: Leaver, thread: str, large: str, turn: int) -> None:
    resets = turn % 2 == 0
    path = f"/api/threads/{thread}/messages"
    leaver.in_body(path, {"role": "user", "content": f"half {turn}"}, missing=1, resets=resets)
    leaver.in_body(
        f"{path}/batch", {"messages": [{"role": "user", "content": "y" * 200_000}]}, missing=9, resets=resets
    )
    leaver.in_answer(f"/api/threads/{large}/messages?limit=1000", resets=resets)
    leaver.in_answer("/api/threads?limit=1000", resets=resets)
    leaver.in_answer("/api/audit/export", resets=resets)


def resources(stage: Stage) -> list[int]:
    """Threads and open files of all workers, and connections to the database."""
    workers = stage.server.workers()
    threads = sum(len(list(Path(f"/proc/{worker}/task").iterdir())) for worker in workers)
    files = sum(len(list(Path(f"/proc/{worker}/fd").iterdir())) for worker in workers)
    return [threads, files, *database_connections(stage)]


def database_connections(stage: Stage) -> list[int]:
    """How many the database server counts, and how many of them sit in an open transaction."""
    if stage.vendor == "SQLite":
        return []
    with connected(stage.database.url) as connection, connections[connection.alias].cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE state LIKE 'idle in transaction%%') FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return list(cursor.fetchone())


def settle(stage: Stage, before: Sequence[int]) -> tuple[float, tuple[str, ...]]:
    """Wait until the server holds what it held before; return the seconds, and what it still holds when it does not."""
    names = ("threads", "open files", "connections", "open transactions")
    allowed = [count + FEW for count in before[:2]] + [20, 0][: len(before) - 2]
    started = time.monotonic()
    while True:
        now = resources(stage)
        leaked = [
            f"{count} {name} instead of {was}"
            for name, was, count, most in zip(names, before, now, allowed, strict=False)
            if count > most
        ]
        waited = time.monotonic() - started
        if not leaked or waited > SETTLING_SECONDS:
            return waited, tuple(leaked)
        time.sleep(0.2)
