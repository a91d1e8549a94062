"""What the pool of connections of this process is doing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """The pool of one process. Sizes are of this moment; the others only grow, from the start of the process."""

    minimum: int
    maximum: int
    size: int
    """Connections that are open or being opened."""
    available: int
    """Open connections that nobody uses."""
    in_use: int
    waiting: int
    """Requests that wait for a connection, with those that gave up since the last one was given back."""
    requests: int
    """Connections that were asked for."""
    queued: int
    """… and had to be waited for."""
    wait_milliseconds: int
    """What they waited, all together."""
    timeouts: int
    """… and were given up: each is an answer of 503."""
    connections_opened: int
    connections_failed: int
    """Attempts to connect that failed."""
    connections_lost: int
    """Connections that were found dead when somebody asked for one, or when they were given back."""


def pool_statistics(alias: str = DEFAULT_DB_ALIAS) -> PoolStatistics | None:
    """Return the statistics of the database's pool; None where there is no pool, as on SQLite."""
    connection: Any = connections[alias]
    pool = connection.pool if connection.vendor == "postgresql" else None
    return None if pool is None else _statistics(pool.get_stats())


def _statistics(found: dict[str, int]) -> PoolStatistics:
    opened = found.get("connections_num", 0) - found.get("connections_errors", 0)
    return PoolStatistics(
        minimum=found["pool_min"],
        maximum=found["pool_max"],
        size=found["pool_size"],
        available=found["pool_available"],
        in_use=max(0, found["pool_size"] - found["pool_available"]),
        waiting=found["requests_waiting"],
        requests=found.get("requests_num", 0),
        queued=found.get("requests_queued", 0),
        wait_milliseconds=found.get("requests_wait_ms", 0),
        timeouts=found.get("requests_errors", 0),
        connections_opened=max(0, opened),
        connections_failed=found.get("connections_errors", 0),
        connections_lost=found.get("connections_lost", 0) + found.get("returns_bad", 0),
    )
