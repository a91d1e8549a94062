"""What the pool of connections tells about itself."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection
from pytest_django import DjangoDbBlocker

from core.pool_statistics import PoolStatistics, pool_statistics
from tests.databases import connected, server_url
from tests.test_database_settings import SleepingThread, on_postgresql, value_of


@pytest.mark.skipif(connection.vendor == "postgresql", reason="there is a pool")
def test_sqlite_has_no_pool() -> None:
    assert pool_statistics() is None


@on_postgresql
def test_statistics_count_what_is_lent_and_what_was_given_up(django_db_blocker: DjangoDbBlocker) -> None:
    limits = {"DATABASE_POOL_MIN": "1", "DATABASE_POOL_MAX": "1", "DATABASE_POOL_TIMEOUT": "1"}
    with django_db_blocker.unblock(), connected(server_url("postgres"), **limits) as fresh:
        value_of(fresh, "SELECT 1")
        late = SleepingThread(fresh.alias)
        late.start()
        late.join()
        lent = pool_statistics(fresh.alias)
        fresh.close()
        returned = pool_statistics(fresh.alias)

    assert isinstance(late.outcome, OperationalError)
    assert lent is not None
    assert returned is not None
    assert _sizes(lent) == (1, 1, 1, 0, 1)
    assert _sizes(returned) == (1, 1, 1, 1, 0)
    assert (lent.requests, lent.timeouts, lent.connections_failed) == (2, 1, 0)
    assert (lent.waiting, returned.waiting) == (1, 0)
    assert lent.wait_milliseconds >= 1000


def _sizes(found: PoolStatistics) -> tuple[int, int, int, int, int]:
    return found.minimum, found.maximum, found.size, found.available, found.in_use
