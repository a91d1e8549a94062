"""The gate in front of SQLite's write transactions: who holds it, and that it always comes back."""

from __future__ import annotations

import json
import os
import select
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import IntegrityError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from core.sqlite.gate import GateTimeout, WriteGate
from tests.databases import connected
from tests.processes import finished, kill_group, start

SHORT_SECONDS = 0.1
HOLDER = """
import sys, time
from core.sqlite.gate import WriteGate
gate = WriteGate(sys.argv[1], timeout_seconds=5)
gate.acquire()
print("held", flush=True)
time.sleep(60)
"""

forks = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "parley.sqlite3-gate")


@pytest.fixture
def connection(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """A connection to an SQLite file with one table, which waits for a short time only."""
    with django_db_blocker.unblock(), connected(f"sqlite:///{tmp_path}/parley.sqlite3") as found:
        found.settings_dict["OPTIONS"]["timeout"] = SHORT_SECONDS
        with found.cursor() as cursor:
            cursor.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
            cursor.execute("CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)")
        yield found


def is_free(path: str) -> bool:
    gate = WriteGate(path, timeout_seconds=0)
    try:
        gate.acquire()
    except GateTimeout:
        return False
    finally:
        gate.close()
    return True


def insert(connection: BaseDatabaseWrapper, table: str = "parent") -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} DEFAULT VALUES" if table == "parent" else "INSERT INTO child VALUES (99)")


def count(connection: BaseDatabaseWrapper) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM parent")
        return int(cursor.fetchone()[0])


def test_gate_lets_one_in_at_a_time(path: str) -> None:
    first, second = (WriteGate(path, timeout_seconds=SHORT_SECONDS) for _ in range(2))
    first.acquire()
    with pytest.raises(GateTimeout):
        second.acquire()
    assert (first.is_held, second.is_held) == (True, False)
    first.release()
    second.acquire()
    assert (first.is_held, second.is_held) == (False, True)
    first.close()
    second.close()


def test_gate_waits_for_its_time_limit(path: str) -> None:
    holder, waiting = WriteGate(path, timeout_seconds=0), WriteGate(path, timeout_seconds=0.3)
    holder.acquire()
    started = time.monotonic()
    with pytest.raises(GateTimeout):
        waiting.acquire()
    assert 0.3 <= time.monotonic() - started < 3
    holder.close()


def test_gate_may_be_taken_and_given_back_again_and_again(path: str) -> None:
    gate = WriteGate(path, timeout_seconds=0)
    for _ in range(3):
        gate.acquire()
        gate.acquire()
        assert not is_free(path)
        gate.release()
        gate.release()
        assert is_free(path)
    gate.close()
    gate.close()


@pytest.mark.parametrize("end", ["close", "collect"])
def test_gate_comes_back_with_the_end_of_its_object(path: str, end: str) -> None:
    gate = WriteGate(path, timeout_seconds=0)
    gate.acquire()
    if end == "close":
        gate.close()
    del gate
    assert is_free(path)


def test_waiting_thread_gets_the_gate_when_it_comes_back(path: str) -> None:
    holder, waiting = WriteGate(path, timeout_seconds=0), WriteGate(path, timeout_seconds=30)
    holder.acquire()
    thread = threading.Thread(target=waiting.acquire)
    thread.start()
    thread.join(0.2)
    assert (thread.is_alive(), waiting.is_held) == (True, False)
    holder.release()
    thread.join(5)
    assert waiting.is_held
    waiting.close()
    holder.close()


def test_gate_comes_back_when_its_holder_is_killed(path: str) -> None:
    process = start("-c", HOLDER, path, env={})
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    assert not is_free(path)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert is_free(path)


@forks
def test_forked_child_does_not_hold_its_parents_gate(path: str) -> None:
    gate = WriteGate(path, timeout_seconds=SHORT_SECONDS)
    gate.acquire()
    assert in_child(lambda: tried(gate)) == "refused"
    assert (gate.is_held, is_free(path)) == (True, False)
    gate.release()
    assert in_child(lambda: tried(gate)) == "taken"
    assert is_free(path)
    gate.close()


@forks
@pytest.mark.parametrize("act", ["release", "close", "exit"])
def test_forked_child_cannot_give_its_parents_gate_back(path: str, act: str) -> None:
    gate = WriteGate(path, timeout_seconds=0)
    gate.acquire()
    in_child(getattr(gate, act, lambda: None))
    assert not is_free(path)
    gate.close()
    assert is_free(path)


def tried(gate: WriteGate) -> str:
    try:
        gate.acquire()
    except GateTimeout:
        return "refused"
    return "taken"


def in_child(act: Callable[[], object]) -> str:
    """Run a function in a forked child and return the text it returns."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        outcome = act()
        os.write(writing, str(outcome).encode())
        os._exit(0)
    os.close(writing)
    assert select.select([reading], [], [], 30)[0]
    text = os.read(reading, 100).decode()
    os.close(reading)
    os.waitpid(child, 0)
    return text


def test_transaction_holds_the_gate_until_it_is_committed(connection: BaseDatabaseWrapper, path: str) -> None:
    with transaction.atomic(using=connection.alias):
        insert(connection)
        assert not is_free(path)
    assert (is_free(path), count(connection)) == (True, 1)


def test_transaction_gives_the_gate_back_when_rolled_back(connection: BaseDatabaseWrapper, path: str) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic(using=connection.alias):
        insert(connection)
        raise ZeroDivisionError
    assert (is_free(path), count(connection)) == (True, 0)


def test_nested_transactions_hold_the_gate_until_the_outermost_ends(connection: BaseDatabaseWrapper, path: str) -> None:
    with transaction.atomic(using=connection.alias):
        with transaction.atomic(using=connection.alias):
            insert(connection)
        assert not is_free(path)
        with pytest.raises(ZeroDivisionError), transaction.atomic(using=connection.alias):
            insert(connection)
            raise ZeroDivisionError
        assert not is_free(path)
    assert (is_free(path), count(connection)) == (True, 1)


def test_transaction_whose_commit_fails_gives_the_gate_back(connection: BaseDatabaseWrapper, path: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(using=connection.alias):
        insert(connection)
        insert(connection, "child")
    assert (is_free(path), count(connection)) == (True, 0)


def test_closing_inside_a_transaction_gives_the_gate_back(connection: BaseDatabaseWrapper, path: str) -> None:
    with transaction.atomic(using=connection.alias):
        insert(connection)
        connection.close()
        assert is_free(path)
    assert count(connection) == 0


def test_reading_needs_no_gate(connection: BaseDatabaseWrapper, path: str) -> None:
    gate = WriteGate(path, timeout_seconds=0)
    gate.acquire()
    assert count(connection) == 0
    gate.close()


def test_gate_that_never_opens_is_an_operational_error(connection: BaseDatabaseWrapper, path: str) -> None:
    connection.close()
    gate = WriteGate(path, timeout_seconds=0)
    gate.acquire()
    with pytest.raises(OperationalError, match="database is locked"), transaction.atomic(using=connection.alias):
        insert(connection)
    gate.close()
    assert count(connection) == 0
    with transaction.atomic(using=connection.alias):
        insert(connection)
    assert (is_free(path), count(connection)) == (True, 1)


def test_gate_comes_back_when_the_transaction_cannot_begin(
    connection: BaseDatabaseWrapper, path: str, tmp_path: Path
) -> None:
    connection.close()
    other = sqlite3.connect(tmp_path / "parley.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="database is locked"), transaction.atomic(using=connection.alias):
        insert(connection)
    assert is_free(path)
    other.close()


def test_database_in_memory_needs_no_gate(django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock(), connected("sqlite:///:memory:", alias="memory") as memory:
        with transaction.atomic(using=memory.alias), memory.cursor() as cursor:
            cursor.execute("CREATE TABLE a (id INTEGER)")
        assert memory.gate is None  # type: ignore[attr-defined]
    assert not Path(":memory:-gate").exists()


def test_threads_write_through_one_gate(connection: BaseDatabaseWrapper) -> None:
    connection.settings_dict["OPTIONS"]["timeout"] = 30

    def write() -> None:
        own = connections[connection.alias]
        for _ in range(20):
            with transaction.atomic(using=own.alias):
                insert(own)
        own.close()

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(connection) == 160


@pytest.mark.slow
def test_sixteen_processes_write_and_none_is_locked_out(tmp_path: Path) -> None:
    database = tmp_path / "busy.sqlite3"
    env = {"DATABASE_URL": f"sqlite:///{database}"}
    run = finished(start("-m", "tests.concurrency.writers", "16", "100", env=env))
    assert run.returncode == 0, run.stderr
    with sqlite3.connect(database) as reader:
        [[total]] = reader.execute("SELECT total FROM tally").fetchall()
        [[entries]] = reader.execute("SELECT count(*) FROM (SELECT DISTINCT writer, turn FROM entry)").fetchall()
    reader.close()
    assert (total, entries) == (1600, 1600)
    told = json.loads(run.stdout)
    rate = total / told["seconds"]
    print(f"\n16 writers: {rate:.0f} transactions a second, the longest took {max(told['waits']):.2f} s")
    assert max(told["waits"]) < 30


@pytest.mark.slow
def test_writer_killed_inside_a_transaction_blocks_nobody(connection: BaseDatabaseWrapper, tmp_path: Path) -> None:
    statements = "; ".join(
        [
            "import django, time",
            "django.setup()",
            "from django.db import connection, transaction",
            "block = transaction.atomic()",
            "block.__enter__()",
            "connection.cursor().execute('INSERT INTO parent DEFAULT VALUES')",
            "print('inside', flush=True)",
            "time.sleep(60)",
        ]
    )
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/parley.sqlite3", "DJANGO_SETTINGS_MODULE": "config.settings"}
    process = start("-c", statements, env=env)
    assert process.stdout is not None
    assert process.stdout.readline() == "inside\n"
    with pytest.raises(OperationalError), transaction.atomic(using=connection.alias):
        insert(connection)
    kill_group(process)
    with transaction.atomic(using=connection.alias):
        insert(connection)
    assert count(connection) == 1
