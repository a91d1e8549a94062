"""UUIDv7 identifiers (RFC 9562, section 5.7) that only grow inside a process."""

from __future__ import annotations

import os
import threading
import time
import uuid

_SUB_MILLISECOND_STEPS = 4096
_lock = threading.Lock()
_last_tick = 0


def _forget_after_fork() -> None:
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_after_fork)


def uuid7() -> uuid.UUID:
    """Return a time-ordered UUID: 48 bits of Unix milliseconds, 12 bits of their fraction, 62 random bits.

    The fraction follows RFC 9562 section 6.2, method 3. When the clock stands still or goes back, the last
    value is counted on, so that ids of one process never run backwards.
    """
    global _last_tick
    now = time.time_ns() * _SUB_MILLISECOND_STEPS // 1_000_000
    with _lock:
        _last_tick = tick = max(now, _last_tick + 1)
    milliseconds, fraction = divmod(tick, _SUB_MILLISECOND_STEPS)
    tail = int.from_bytes(os.urandom(8)) & 0x3FFF_FFFF_FFFF_FFFF
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | tail)
