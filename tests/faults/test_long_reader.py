"""Fault 12: readers on SQLite that are always there while others write.

What is written while somebody reads stays in the write-ahead log, for the reader still sees the database as it was. The
log grows by what is written, writers do not wait, and once the reader has ended the log is small again by itself.
Readers of a moment that overlap do not let it grow (`core.sqlite.write_ahead_log`; its own tests run in every suite:
`tests/test_write_ahead_log.py`).
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection, transaction

from core.sqlite.write_ahead_log import LARGE_BYTES
from tests.databases import connected
from tests.faults.conftest import Report
from tests.faults.judging import judge
from tests.faults.recording import Load
from tests.faults.stage import Stage

MEBIBYTE = 1024 * 1024
BOUND_MEBIBYTES = 4 * LARGE_BYTES / MEBIBYTE
"""What the log may have beside readers that come and go: its limit, and what is written until the next attempt to empty
it when the first one fails on a busy machine."""

READING_SECONDS = 10.0
READERS = 4
READ_SECONDS = 0.1
STALL_SECONDS = 3.0
"""The commit that finds the reader gone carries over all that was written meanwhile, some 200 MiB here."""

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no log that readers hold back.")


@pytest.mark.faults
def test_a_long_reader_holds_the_log_no_longer_than_it_reads(stage: Stage, report: Report) -> None:
    log = Log(stage)
    with Load(stage, clients=4) as load, Ballast(stage) as ballast:
        with reading(stage):
            time.sleep(READING_SECONDS)
            during = log.mebibytes()
        fault_ended = time.monotonic()
        recovered = log.seconds_until_small()
    notes = f"log {during:.0f} MiB after {READING_SECONDS:.0f} s of reading, small {recovered:.1f} s after its end, "
    notes += f"{ballast.mebibytes:.0f} MiB written"
    problems = tuple(stalls(load))
    report(judge(stage, load.record, fault="12 long reader", fault_ended=fault_ended, notes=notes, problems=problems))


@pytest.mark.faults
def test_readers_that_overlap_do_not_let_the_log_grow(stage: Stage, report: Report) -> None:
    log = Log(stage)
    largest = 0.0
    ends = time.monotonic() + READING_SECONDS
    with Load(stage, clients=2) as load, Ballast(stage) as ballast, several_reading(stage):
        while time.monotonic() < ends:
            time.sleep(0.02)
            largest = max(largest, log.mebibytes())
    notes = f"log at most {largest:.0f} MiB, {ballast.mebibytes:.0f} MiB written"
    problems = (f"the log had {largest:.0f} MiB",) if largest > BOUND_MEBIBYTES else ()
    report(judge(stage, load.record, fault="12 overlapping readers", notes=notes, problems=problems))


def stalls(load: Load) -> list[str]:
    longest = load.record.longest_stall()
    return [f"nobody was acknowledged anything for {longest:.1f} s"] if longest > STALL_SECONDS else []


class Log:
    """The write-ahead log of a stage's database."""

    def __init__(self, stage: Stage) -> None:
        self._path = Path(f"{path_of(stage)}-wal")

    def mebibytes(self) -> float:
        return self._path.stat().st_size / MEBIBYTE

    def seconds_until_small(self) -> float:
        """Wait until the log is below its limit; return how long that took."""
        started = time.monotonic()
        while self.mebibytes() > BOUND_MEBIBYTES:
            assert time.monotonic() - started < 30, f"The log keeps {self.mebibytes():.0f} MiB."
            time.sleep(0.05)
        return time.monotonic() - started


class Ballast:
    """Writes large rows into a table of its own, through the product's engine, for as long as the context lasts."""

    ROW_BYTES = 1_000_000
    PAUSE_SECONDS = 0.02

    def __init__(self, stage: Stage) -> None:
        self.mebibytes = 0.0
        self._url = stage.database.url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Ballast:
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        with connected(self._url, alias="ballast") as writer, writer.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS ballast (weight BLOB)")
            while not self._stop.is_set():
                with transaction.atomic(using="ballast"):
                    cursor.execute("INSERT INTO ballast VALUES (%s)", [os.urandom(self.ROW_BYTES)])
                self.mebibytes += self.ROW_BYTES / MEBIBYTE
                time.sleep(self.PAUSE_SECONDS)


def path_of(stage: Stage) -> str:
    return stage.database.url.removeprefix("sqlite:///")


@contextmanager
def reading(stage: Stage) -> Iterator[None]:
    """Hold a read transaction open."""
    reader = sqlite3.connect(path_of(stage), isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM conversations_thread").fetchone()
    try:
        yield
    finally:
        reader.close()


@contextmanager
def several_reading(stage: Stage) -> Iterator[None]:
    """Readers that begin anew as soon as they have ended, so that at every moment some of them read."""
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            with reading(stage):
                time.sleep(READ_SECONDS)

    readers = [threading.Thread(target=read) for _ in range(READERS)]
    for reader in readers:
        reader.start()
        time.sleep(READ_SECONDS / READERS)
    try:
        yield
    finally:
        stop.set()
        for reader in readers:
            reader.join()
