"""`migrate`, safe to be started by several processes at once: one applies, the others wait and find nothing to do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from core import row_policies, row_security
from core.sqlite.gate import GateTimeout, WriteGate

WAIT_SECONDS = 600
POLL_SECONDS = 0.2
# Any number serves as long as every Parley process uses the same: the bytes of "parleymg".
ADVISORY_LOCK = int.from_bytes(b"parleymg")


class Command(migrate.Command):
    """Django's migrate under a lock of the database it migrates."""

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        with migration_lock(connection):
            super().handle(*args, **options)
            if row_security.is_enabled(connection.alias) and not (options["plan"] or options["check_unapplied"]):
                row_policies.complete(connection)


@contextmanager
def migration_lock(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Hold the database's migration lock; raises CommandError when another process keeps it for ten minutes."""
    if connection.vendor == "postgresql":
        lock = _advisory_lock(connection)
    elif connection.settings_dict["NAME"] and not connection.is_in_memory_db():  # type: ignore[attr-defined]
        lock = _file_lock(Path(str(connection.settings_dict["NAME"])))
    else:
        yield
        return
    with lock:
        yield


@contextmanager
def _file_lock(database: Path) -> Iterator[None]:
    database.parent.mkdir(parents=True, exist_ok=True)
    gate = WriteGate(f"{database}-migrate", timeout_seconds=WAIT_SECONDS)
    try:
        gate.acquire()
    except GateTimeout:
        raise _timed_out() from None
    try:
        yield
    finally:
        gate.close()


@contextmanager
def _advisory_lock(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """A session-level lock: migrate through a direct connection, not through a pooler in transaction mode."""
    _wait_for_advisory_lock(connection)
    try:
        yield
    finally:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])


def _wait_for_advisory_lock(connection: BaseDatabaseWrapper) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK])
            if cursor.fetchone()[0]:
                return
        time.sleep(POLL_SECONDS)
    raise _timed_out()


def _timed_out() -> CommandError:
    return CommandError(f"Another process has been migrating this database for {WAIT_SECONDS} seconds.")
