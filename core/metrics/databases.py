"""What the databases of a server tell: pools of connections, replicas, SQLite's files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from core.metrics.declared import Counter, Gauge, Reading
from core.metrics.readings import Readings, measured_by_each_process, read_when_asked
from core.pool_statistics import PoolStatistics, pool_statistics
from core.replicas import replication_lag

LABELS = ("database",)

IN_USE = Gauge("parley_pool_connections_in_use", "Connections that serve a request now.", LABELS)
SIZE = Gauge("parley_pool_connections", "Connections that are open.", LABELS)
LIMIT = Gauge("parley_pool_connections_limit", "Connections that may be open: DATABASE_POOL_MAX a process.", LABELS)
WAITING = Gauge("parley_pool_requests_waiting", "Requests that wait for a connection now.", LABELS)
ASKED = Counter("parley_pool_requests_total", "Connections that were asked for.", LABELS)
QUEUED = Counter("parley_pool_requests_queued_total", "Connections that had to be waited for.", LABELS)
WAITED = Counter("parley_pool_wait_seconds_total", "Time that requests waited for connections.", LABELS)
TIMEOUTS = Counter("parley_pool_timeouts_total", "Requests that got no connection in DATABASE_POOL_TIMEOUT.", LABELS)
FAILED = Counter("parley_pool_connections_failed_total", "Attempts to connect that failed.", LABELS)
LOST = Counter("parley_pool_connections_lost_total", "Connections that were found dead.", LABELS)

_GAUGES: tuple[tuple[Gauge, Callable[[PoolStatistics], float]], ...] = (
    (IN_USE, lambda pool: pool.in_use),
    (SIZE, lambda pool: pool.size),
    (LIMIT, lambda pool: pool.maximum),
    (WAITING, lambda pool: pool.waiting),
)
_COUNTERS: tuple[tuple[Counter, Callable[[PoolStatistics], float]], ...] = (
    (ASKED, lambda pool: pool.requests),
    (QUEUED, lambda pool: pool.queued),
    (WAITED, lambda pool: pool.wait_milliseconds / 1000),
    (TIMEOUTS, lambda pool: pool.timeouts),
    (FAILED, lambda pool: pool.connections_failed),
    (LOST, lambda pool: pool.connections_lost),
)


@measured_by_each_process
def pools() -> None:
    for alias in settings.DATABASES:
        found = pool_statistics(alias)
        if found is None:
            continue
        for gauge, number in _GAUGES:
            gauge.put(number(found), alias)
        for counter, number in _COUNTERS:
            counter.take_over(number(found), alias)


@read_when_asked
def replicas() -> Readings:
    """How far each replica is behind; one that does not answer has no lag, and is not up."""
    for found in replication_lag():
        labels = {"database": found.alias}
        is_up = found.bytes is not None
        yield Reading("parley_replica_up", "1 when the replica answers and replays the primary's log.", is_up, labels)
        if found.seconds is not None:
            text = "Age of the last transaction that the replica shows."
            yield Reading("parley_replica_lag_seconds", text, found.seconds, labels)
        if found.bytes is not None:
            yield Reading("parley_replica_lag_bytes", "Log that the replica has not replayed.", found.bytes, labels)


@read_when_asked
def sqlite_files() -> Readings:
    """Sizes of the database file and of what has yet to be moved into it."""
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "sqlite":
        return
    path = str(connection.settings_dict["NAME"])
    for name, suffix, text in (
        ("parley_sqlite_database_bytes", "", "Size of the database file."),
        ("parley_sqlite_wal_bytes", "-wal", "Size of the write-ahead log beside it."),
    ):
        file = Path(f"{path}{suffix}")
        if file.is_file():
            yield Reading(name, text, file.stat().st_size)
