"""`migrate`, safe to be started by several processes at once, beside a server that works, and to be killed.

One process applies, the others wait and find nothing to do. On PostgreSQL it waits for each lock only briefly, so that
nobody queues behind it for long, and tries again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from core import row_policies, row_security
from core.online_migrations.indexes import invalid_indexes
from core.online_migrations.lock_waits import LOCK_TIMEOUT_MS, TOTAL_SECONDS, Patience
from core.sqlite.gate import GateTimeout, WriteGate

WAIT_SECONDS = 600
POLL_SECONDS = 0.2
# Any number serves as long as every Parley process uses the same: the bytes of "parleymg".
ADVISORY_LOCK = int.from_bytes(b"parleymg")


class Command(migrate.Command):
    """Django's migrate under a lock of the database it migrates."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--lock-timeout",
            type=int,
            default=LOCK_TIMEOUT_MS,
            metavar="MS",
            help="On PostgreSQL, how long a statement waits for a lock before it lets others through.",
        )
        parser.add_argument(
            "--lock-wait",
            type=float,
            default=TOTAL_SECONDS,
            metavar="SECONDS",
            help="On PostgreSQL, how long to go on trying.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        patience = Patience(options["lock_timeout"], options["lock_wait"], self._teller(options["verbosity"]))
        with migration_lock(connection):
            patience.run(connection, lambda: self._migrate(connection, *args, **options))
            self._warn_of_invalid_indexes(connection)

    def _migrate(self, connection: BaseDatabaseWrapper, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if row_security.is_enabled(connection.alias) and not (options["plan"] or options["check_unapplied"]):
            row_policies.complete(connection)

    def _teller(self, verbosity: int) -> Callable[[str], object]:
        def tell(text: str) -> None:
            self.stdout.write(text)
            self.stdout.flush()

        return tell if verbosity > 0 else str

    def _warn_of_invalid_indexes(self, connection: BaseDatabaseWrapper) -> None:
        """What a build left that was started by hand, or by a migration that is gone."""
        for name in invalid_indexes(connection):
            self.stderr.write(f"The index {name} is invalid: nothing uses it. Drop it, or run REINDEX INDEX {name}.")


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
