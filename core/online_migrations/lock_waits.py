"""Locks on PostgreSQL that a migration asks for without making everybody queue behind it.

A statement that wants a table for itself waits for the transactions that use it, and whoever comes later waits for the
statement. So a migration gives up soon, lets the others through, and tries again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.core.management.base import CommandError
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

LOCK_TIMEOUT_MS = 500
TOTAL_SECONDS = 600
HARMLESS_WAIT_MS = TOTAL_SECONDS * 1000
"""For statements that nobody has to wait behind, such as `CREATE INDEX CONCURRENTLY`."""

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0

LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK_DETECTED = "40P01"

_chance = random.SystemRandom()

_HOLDERS = """
SELECT c.relname, a.pid, a.state, EXTRACT(EPOCH FROM now() - a.xact_start)
FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.granted AND l.pid <> pg_backend_pid() AND c.relnamespace = current_schema()::regnamespace
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND regexp_match(%s, '\\m' || c.relname || '\\M') IS NOT NULL
ORDER BY a.xact_start NULLS LAST LIMIT 1
"""


class Holder(NamedTuple):
    """Who has been using a table for longest."""

    table: str
    process: int
    state: str | None
    seconds: float | None

    def __str__(self) -> str:
        since = "" if self.seconds is None else f" for {float(self.seconds):.0f} s"
        return f"{self.table}, which process {self.process} of the database uses ({self.state or 'unknown'}{since})"


@dataclass
class Patience:
    """How long a migration waits for locks: for each one, and for all together."""

    timeout_ms: int = LOCK_TIMEOUT_MS
    total_seconds: float = TOTAL_SECONDS
    tell: Callable[[str], object] = str

    def run(self, connection: BaseDatabaseWrapper, work: Callable[[], None]) -> None:
        """Do the work, again from its start whenever it got no lock; it must leave nothing half-done behind.

        Raises CommandError, which names the holder, when the total is used up.
        """
        deadline, tries = time.monotonic() + self.total_seconds, 0
        while (refusal := self._attempt(connection, work)) is not None:
            tries += 1
            pause = pause_after(tries)
            wanted = refusal.holder(connection)
            if time.monotonic() + pause > deadline:
                raise CommandError(
                    f"Gave up after {self.total_seconds:g} seconds and {tries} tries to lock {wanted}. What is "
                    "applied stays, nothing is left half-done: end that transaction and run migrate again."
                )
            self.tell(f"waiting for a lock on {wanted}; try {tries + 1} in {pause:.1f} s")
            time.sleep(pause)

    def _attempt(self, connection: BaseDatabaseWrapper, work: Callable[[], None]) -> _Refusal | None:
        refusal = _Refusal()
        try:
            with lock_timeout(connection, self.timeout_ms), connection.execute_wrapper(refusal):
                work()
        except OperationalError as error:
            if not is_lock_refusal(error):
                raise
            return refusal
        return None


class _Refusal:
    """Remembers the statement that failed."""

    def __init__(self) -> None:
        self._statement = ""

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        try:
            return execute(sql, params, many, context)
        except OperationalError:
            self._statement = str(sql)
            raise

    def holder(self, connection: BaseDatabaseWrapper) -> str:
        with connection.cursor() as cursor:
            cursor.execute(_HOLDERS, [self._statement])
            row = cursor.fetchone()
        return "a table that was in use until now" if row is None else str(Holder(*row))


def pause_after(tries: int) -> float:
    """Seconds until the next try: doubled each time up to a limit, and spread by chance."""
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(tries, 10))
    return _chance.uniform(longest / 2, longest)


def is_lock_refusal(error: BaseException) -> bool:
    """Whether a statement failed because others used what it wanted."""
    return getattr(error.__cause__, "sqlstate", None) in (LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED)


@contextmanager
def lock_timeout(connection: BaseDatabaseWrapper, milliseconds: int) -> Iterator[None]:
    """On PostgreSQL, let each wait for a lock last no longer than this; elsewhere change nothing."""
    if connection.vendor != "postgresql":
        yield
        return
    before = _set_lock_timeout(connection, f"{milliseconds}ms")
    try:
        yield
    finally:
        if connection.is_usable():
            _set_lock_timeout(connection, before)


def _set_lock_timeout(connection: BaseDatabaseWrapper, value: str) -> str:
    """Set it for the session and return what it was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout')")
        before: str = cursor.fetchone()[0]
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [value])
    return before
