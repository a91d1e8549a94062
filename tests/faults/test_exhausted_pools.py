"""Fault 13: every connection of the pool is held by a statement that does not end.

A request waits for a connection as long as `DATABASE_POOL_TIMEOUT` says and is then answered with 503 and
`Retry-After`. Nothing hangs, and as soon as connections come back everything works again.
A short form is in `test_database_faults`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection

from tests.faults.conftest import MakeStage, Report
from tests.faults.judging import judge
from tests.faults.recording import Load, append
from tests.faults.stage import Stage

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no pool")

FAULT = "13 exhausted pool"
POOL_TIMEOUT_SECONDS = 1
SLACK_SECONDS = 4
SMALL_POOL = {
    "DATABASE_POOL_MIN": "1",
    "DATABASE_POOL_MAX": "2",
    "DATABASE_POOL_TIMEOUT": str(POOL_TIMEOUT_SECONDS),
    "SERVER_THREADS": "6",
}


@contextmanager
def held(url: str, thread: str) -> Iterator[None]:
    """Keep the row of a thread locked: each append to it holds a connection of the pool until the end."""
    with psycopg.connect(url) as session:
        session.execute("SELECT 1 FROM conversations_thread WHERE id = %s FOR UPDATE", [thread])
        yield
        session.rollback()


def problems_of(stage: Stage, times: int) -> tuple[str, ...]:
    """What is wrong with how requests are answered that find no connection."""
    found: list[str] = []
    for _ in range(times):
        started = time.monotonic()
        status, headers, body = stage.send("GET", "/api/threads")
        seconds = time.monotonic() - started
        told = (status, headers.get("content-type"), headers.get("retry-after"))
        if told != (503, "application/problem+json", "1"):
            found.append(f"answered {status} {headers} {body[:300]!r}")
        if not POOL_TIMEOUT_SECONDS / 2 < seconds < POOL_TIMEOUT_SECONDS + SLACK_SECONDS:
            found.append(f"answered after {seconds:.1f} s")
    return tuple(found)


def exhaust(stage: Stage, *, rounds: int, requests: int) -> tuple[Load, tuple[str, ...], float]:
    """Let clients append to a thread that is held; return the load, what was wrong, and when the fault ended."""
    thread = stage.create_thread(title="held")
    problems: tuple[str, ...] = ()
    load = Load(stage, clients=4, threads=[thread], choose=lambda n, turn: append(thread, f"{n}-{turn}"), pause=0.01)
    with load:
        for _ in range(rounds):
            time.sleep(0.3)
            with held(stage.database.url, thread):
                time.sleep(0.3)
                problems += problems_of(stage, requests)
        fault_ended = time.monotonic()
        time.sleep(0.5)
    return load, problems, fault_ended


@pytest.mark.faults
def test_requests_without_a_connection_are_told_to_come_again(make_stage: MakeStage, report: Report) -> None:
    stage = make_stage(workers=1, env=SMALL_POOL)
    load, problems, fault_ended = exhaust(stage, rounds=4, requests=5)
    notes = f"2 connections, {POOL_TIMEOUT_SECONDS} s to wait"
    report(judge(stage, load.record, fault=FAULT, fault_ended=fault_ended, notes=notes, problems=problems))
