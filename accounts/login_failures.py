"""Failed log-ins of the last minutes, in the memory of this process: whoever fails too often has to wait."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from threading import Lock

from django.conf import settings

from core.networks import site_of

WINDOW_SECONDS = 300.0

ADDRESS_FACTOR = 10
"""How many times the failures of one name an address may have: people behind one address have several names."""

MAX_REMEMBERED = 10_000
"""Names and addresses that are remembered; beyond it the one that failed least recently is forgotten."""


class RecentFailures:
    """Counts failures by key in a sliding window."""

    def __init__(self, *, seconds: float = WINDOW_SECONDS, most: int = MAX_REMEMBERED) -> None:
        self.seconds = seconds
        self.most = most
        self._moments: OrderedDict[tuple[str, ...], deque[float]] = OrderedDict()
        self._lock = Lock()

    def take(self, limits: dict[tuple[str, ...], int], *, now: float | None = None) -> int:
        """Count a failure for every key and return 0, or the seconds to wait where a limit is reached already."""
        moment = time.monotonic() if now is None else now
        with self._lock:
            waits = [self._wait(key, limit, moment) for key, limit in limits.items()]
            if any(waits):
                return int(max(waits)) + 1
            for key in limits:
                self._moments.setdefault(key, deque()).append(moment)
                self._moments.move_to_end(key)
            while len(self._moments) > self.most:
                self._moments.popitem(last=False)
            return 0

    def forgive(self, *keys: tuple[str, ...]) -> None:
        """Take back the last failure of every key: the log-in went well."""
        with self._lock:
            for key in keys:
                if moments := self._moments.get(key):
                    moments.pop()

    def forget(self, *keys: tuple[str, ...]) -> None:
        with self._lock:
            for key in keys:
                self._moments.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._moments.clear()

    def __len__(self) -> int:
        return len(self._moments)

    def _wait(self, key: tuple[str, ...], limit: int, moment: float) -> float:
        moments = self._moments.get(key)
        if not moments:
            return 0
        while moments and moment - moments[0] >= self.seconds:
            moments.popleft()
        return self.seconds - (moment - moments[-limit]) if len(moments) >= limit else 0


recent_failures = RecentFailures()


def begin_attempt(address: str, name: str) -> int:
    """Count an attempt as failed until it succeeds; return 0, or the seconds to wait before the next one.

    The limit of a name holds for one address: strangers cannot lock somebody out who comes from another one.
    """
    most: int = settings.LOGIN_FAILURES_PER_5_MINUTES
    return recent_failures.take({_named(address, name): most, _anyone(address): most * ADDRESS_FACTOR})


def succeed(address: str, name: str) -> None:
    """The attempt that was begun went well: the failures under this name before it are forgotten too."""
    recent_failures.forget(_named(address, name))
    recent_failures.forgive(_anyone(address))


def _anyone(address: str) -> tuple[str]:
    return (site_of(address),)


def _named(address: str, name: str) -> tuple[str, str]:
    return site_of(address), name.strip().casefold()[:254]
