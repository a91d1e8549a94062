"""A fair gate for SQLite's write transactions.

SQLite lets one writer in at a time and makes the others poll with growing pauses, so under sixteen writers one of
them can wait for many seconds while newcomers pass. The gate is a lock file beside the database that a connection
holds from before `BEGIN IMMEDIATE` until after the commit. The kernel gives the lock back when a process dies.

Waiters poll, which keeps SQLite's time limit in force, and the longer one has waited the more often it asks: the
oldest waiter is the likeliest to be next.
"""

from __future__ import annotations

import os
import time

try:
    import fcntl
except ImportError:  # Windows has no flock; SQLite's own lock still keeps writers apart, only without fairness.
    fcntl = None  # type: ignore[assignment]

PATIENT_PAUSE_SECONDS = 0.002
URGENT_PAUSE_SECONDS = 0.0002
URGENT_AFTER_SECONDS = 0.1


class GateTimeout(Exception):
    """Others held the gate for the whole time limit."""


class WriteGate:
    """One connection's place at the gate, taken for each of its write transactions."""

    def __init__(self, path: str, *, timeout_seconds: float) -> None:
        self._path = path
        self._timeout = timeout_seconds
        self._file: int | None = None
        self._owner = 0
        self.is_held = False

    def acquire(self) -> None:
        """Wait for the gate; raises `GateTimeout` after the time limit. Holding it already is fine."""
        if fcntl is None or (self.is_held and self._owner == os.getpid()):
            return
        started = time.monotonic()
        file = self._open()
        while not _try_lock(file):
            waited = time.monotonic() - started
            if waited > self._timeout:
                raise GateTimeout
            time.sleep(URGENT_PAUSE_SECONDS if waited > URGENT_AFTER_SECONDS else PATIENT_PAUSE_SECONDS)
        self.is_held = True

    def release(self) -> None:
        if self.is_held and self._file is not None and self._owner == os.getpid():
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self.is_held = False

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Give back the gate and its file."""
        self.release()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        """The lock file, opened once a process: a descriptor inherited by fork would share its parent's lock."""
        if self._file is not None and self._owner != os.getpid():
            os.close(self._file)
            self._file = None
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._owner = os.getpid()
        return self._file


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
