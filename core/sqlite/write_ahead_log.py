"""Keeps SQLite's write-ahead log from growing without limit.

SQLite empties the log by itself at a moment at which nobody reads from it. Readers that overlap, each of them as short
as it may be, leave no such moment: beside a steady writer the log then grows for as long as they come. So whoever
commits into a large log empties it with the readers kept waiting for, while the gate keeps other writers out: readers
that begin meanwhile need the log no more, and those before them are gone in a moment.

A reader that stays (a backup, say) is not waited for longer than `PATIENCE_MILLISECONDS`; the log is emptied after it.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

LARGE_BYTES = 16 * 1024 * 1024
"""Four times what SQLite keeps it to when nothing is in the way."""

PATIENCE_MILLISECONDS = 500
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 16.0
"""After an attempt that came to nothing a connection pauses, each time twice as long up to this: a reader that stays
costs writers little."""


class WriteAheadLog:
    """The log beside one database file, as one connection sees it."""

    def __init__(self, database: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = f"{database}-wal"
        self._clock = clock
        self._next_attempt = 0.0
        self._pause = FIRST_PAUSE_SECONDS

    def contain(self, connection: sqlite3.Connection) -> None:
        """Empty the log when it is large; call it after a commit, with the gate held. Never fails."""
        if self.size() < LARGE_BYTES or self._clock() < self._next_attempt:
            return
        try:
            is_empty = _empty(connection)
        except sqlite3.Error as error:
            log.warning("The write-ahead log could not be emptied: %s", error)
            is_empty = False
        if is_empty:
            self._pause = FIRST_PAUSE_SECONDS
            return
        self._next_attempt = self._clock() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)

    def size(self) -> int:
        """Its size in bytes, 0 when there is none."""
        try:
            return os.stat(self._path).st_size  # noqa: PTH116  a third of the time, on every commit
        except OSError:
            return 0


def _empty(connection: sqlite3.Connection) -> bool:
    """Return whether it is empty now: a reader may need it still."""
    [[before]] = connection.execute("PRAGMA busy_timeout").fetchall()
    connection.execute(f"PRAGMA busy_timeout = {PATIENCE_MILLISECONDS}")
    try:
        [[is_busy, _pages, _done]] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(before)}")
    if is_busy:
        log.info("The write-ahead log is large, and a reader needs it still.")
    return not is_busy
