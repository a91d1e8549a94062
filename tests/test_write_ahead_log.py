"""SQLite's write-ahead log stays small beside readers that overlap, and a reader that stays costs writers little."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection, transaction
from pytest_django import DjangoDbBlocker

from core.sqlite.write_ahead_log import FIRST_PAUSE_SECONDS, LARGE_BYTES, PATIENCE_MILLISECONDS, WriteAheadLog
from tests.databases import connected

ROW_BYTES = 1024 * 1024
PATIENCE_SECONDS = 60

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="It is SQLite's own; one pass is enough.")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "parley.sqlite3"


@pytest.fixture
def writer(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that writes into the log and never empties it by itself."""
    made = sqlite3.connect(path, isolation_level=None)
    made.executescript("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE ballast (weight BLOB);")
    yield made
    made.close()


def fill(writer: sqlite3.Connection, rows: int = LARGE_BYTES // ROW_BYTES + 1) -> None:
    for _ in range(rows):
        writer.execute("INSERT INTO ballast VALUES (zeroblob(?))", [ROW_BYTES])


@contextmanager
def reading(path: Path) -> Iterator[None]:
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM ballast").fetchone()
    try:
        yield
    finally:
        reader.close()


def test_small_log_is_left_alone(path: Path, writer: sqlite3.Connection) -> None:
    fill(writer, rows=1)
    log = WriteAheadLog(str(path))
    before = log.size()
    log.contain(writer)
    assert before > ROW_BYTES
    assert log.size() == before


def test_large_log_is_emptied(path: Path, writer: sqlite3.Connection) -> None:
    fill(writer)
    log = WriteAheadLog(str(path))
    log.contain(writer)
    assert log.size() == 0


def test_log_that_a_reader_needs_is_emptied_after_it(path: Path, writer: sqlite3.Connection) -> None:
    now = 0.0
    log = WriteAheadLog(str(path), clock=lambda: now)
    with reading(path):
        fill(writer)
        log.contain(writer)
        with_reader = log.size()
    log.contain(writer)
    too_early = log.size()
    now = FIRST_PAUSE_SECONDS
    log.contain(writer)
    assert with_reader > LARGE_BYTES
    assert (too_early, log.size()) == (with_reader, 0)


def test_time_limit_of_the_connection_stays(path: Path, writer: sqlite3.Connection) -> None:
    writer.execute("PRAGMA busy_timeout = 30000")
    with reading(path):
        fill(writer)
        WriteAheadLog(str(path)).contain(writer)
    assert writer.execute("PRAGMA busy_timeout").fetchall() == [(30_000,)]
    assert PATIENCE_MILLISECONDS < 30_000


def test_log_that_cannot_be_emptied_fails_no_commit(
    path: Path, writer: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    fill(writer)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO ballast VALUES (NULL)")
    WriteAheadLog(str(path)).contain(writer)
    writer.execute("COMMIT")
    assert caplog.messages == ["The write-ahead log could not be emptied: database table is locked"]
    assert writer.execute("SELECT count(*) FROM ballast WHERE weight IS NULL").fetchall() == [(1,)]


def test_readers_that_overlap_do_not_let_the_log_grow(path: Path, django_db_blocker: DjangoDbBlocker) -> None:
    stop = threading.Event()

    def read(offset: float) -> None:
        time.sleep(offset)
        while not stop.is_set():
            with reading(path):
                time.sleep(0.04)

    is_emptied = False
    give_up = time.monotonic() + PATIENCE_SECONDS
    with django_db_blocker.unblock(), connected(f"sqlite:///{path}") as made, made.cursor() as cursor:
        cursor.execute("CREATE TABLE ballast (weight BLOB)")
        readers = [threading.Thread(target=read, args=[number * 0.01]) for number in range(4)]
        for reader in readers:
            reader.start()
        while not is_emptied and time.monotonic() < give_up:
            before = WriteAheadLog(str(path)).size()
            with transaction.atomic(using=made.alias):
                cursor.execute("INSERT INTO ballast VALUES (zeroblob(%s))", [ROW_BYTES])
            is_emptied = WriteAheadLog(str(path)).size() < before
        stop.set()
        for reader in readers:
            reader.join()
    # SQLite uses a log again from its beginning when it can, and never makes it shorter by itself.
    assert is_emptied
