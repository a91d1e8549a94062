"""How much of the server one caller may take: counted in the memory of each process, and never stored.

The limits of the settings are for the whole server. A worker lets through its share, so that all of them together
never let more through, however requests fall among them. A quarter of a share may come at once, the rest evenly over
the minute: no minute ever sees more than the limit.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

from django.conf import settings
from rest_framework.exceptions import Throttled

from core.access import Actor
from core.logs import client_address
from core.networks import site_of

SECOND = 1_000_000_000
MINUTE = 60 * SECOND

MAX_REMEMBERED = 20_000
"""Callers that a process remembers; beyond it the one that was quiet for longest is forgotten."""


class Throttle:
    """Counts by the generic cell rate algorithm: one time for each caller, which every request moves forward."""

    def __init__(self, *, most: int = MAX_REMEMBERED, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """`clock` tells nanoseconds: whole numbers, so that nothing is lost to rounding."""
        self._most = most
        self._clock = clock
        self._due: OrderedDict[Hashable, int] = OrderedDict()
        self._lock = Lock()

    def wait(self, caller: Hashable, per_minute: int) -> float:
        """Count a request and return 0.0; or count nothing and return the seconds until one may come again."""
        at_once = max(1, per_minute // 4)
        interval = -(-MINUTE // max(1, per_minute - at_once))
        now = self._clock()
        with self._lock:
            due = max(self._due.get(caller, now), now)
            early = due - now - (at_once - 1) * interval
            if early > 0:
                return early / SECOND
            self._due[caller] = due + interval
            self._due.move_to_end(caller)
            if len(self._due) > self._most:
                self._due.popitem(last=False)
            return 0.0

    def forget(self) -> None:
        with self._lock:
            self._due.clear()

    def __len__(self) -> int:
        return len(self._due)


actors = Throttle()
"""Keys and people, by their ids."""

strangers = Throttle()
"""Requests without valid credentials, by where they come from."""


def admit_actor(actor: Actor) -> None:
    """Count a request of a key or of a person who is logged in; raises `Throttled`."""
    _admit(actors, actor.key_id or actor.user_id, settings.THROTTLE_KEY_PER_MINUTE)


def admit_stranger() -> None:
    """Count a request without valid credentials by its address; raises `Throttled`."""
    _admit(strangers, site_of(client_address.get()), settings.THROTTLE_ADDRESS_PER_MINUTE)


def share_of_worker(per_minute: int) -> int:
    """What one process may let through of a limit of the whole server."""
    return max(1, per_minute // settings.SERVER_WORKERS)


def _admit(throttle: Throttle, caller: Hashable, per_minute: int) -> None:
    if per_minute == 0:
        return
    if seconds := throttle.wait(caller, share_of_worker(per_minute)):
        raise Throttled(wait=seconds)
