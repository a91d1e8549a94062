"""A pooled connection is looked at, not asked, before it is handed out; one that has ended is replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from core.postgresql.base import is_alive
from tests.databases import connected, server_url
from tests.fast.ways import on_postgresql
from tests.test_database_settings import value_of

pytestmark = on_postgresql

OF_ONE = {"DATABASE_POOL_MIN": "1", "DATABASE_POOL_MAX": "1"}


@pytest.fixture
def pooled(django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """A connection out of a pool of one."""
    with django_db_blocker.unblock(), connected(server_url("postgres"), **OF_ONE) as fresh:
        yield fresh


@pytest.fixture
def session() -> Iterator[psycopg.Connection[Any]]:
    """Somebody else's session on the same server."""
    with psycopg.connect(server_url("postgres"), autocommit=True) as other:
        yield other


def take(pooled: BaseDatabaseWrapper) -> int:
    """Take the connection out of the pool, as a request does, and return the id of its process."""
    pooled.ensure_connection()
    pid: int = pooled.connection.info.backend_pid
    return pid


def last_statement(session: psycopg.Connection[Any], pid: int) -> Any:
    """When a process was last asked for something, and what."""
    return session.execute("SELECT query_start, query FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()


def end(session: psycopg.Connection[Any], pid: int) -> None:
    row = session.execute("SELECT pg_terminate_backend(%s, 10000)", [pid]).fetchone()
    assert row == (True,)


def test_a_healthy_connection_is_handed_out_without_a_statement(
    pooled: BaseDatabaseWrapper, session: psycopg.Connection[Any]
) -> None:
    pid = take(pooled)
    value_of(pooled, "SELECT 'the last one'")
    before = last_statement(session, pid)
    for _ in range(3):
        pooled.close()
        assert take(pooled) == pid

    assert before[1] == "SELECT 'the last one'"
    assert last_statement(session, pid) == before


def test_a_connection_that_the_server_ended_is_replaced(
    pooled: BaseDatabaseWrapper, session: psycopg.Connection[Any]
) -> None:
    pid = take(pooled)
    for _ in range(2):
        pooled.close()
        end(session, pid)
        after = take(pooled)

        assert after != pid
        assert value_of(pooled, "SELECT pg_backend_pid()") == after
        pid = after


def test_a_connection_that_was_idle_for_too_long_is_replaced(
    pooled: BaseDatabaseWrapper, session: psycopg.Connection[Any]
) -> None:
    """The server says why it goes before it goes: there is something to read, and it is no good news."""
    pid = take(pooled)
    with pooled.cursor() as cursor:
        cursor.execute("SET idle_session_timeout = 20")
    pooled.close()
    while last_statement(session, pid) is not None:
        pass

    assert take(pooled) != pid
    assert value_of(pooled, "SELECT 1") == 1


def test_a_connection_with_news_that_nobody_read_is_kept(
    pooled: BaseDatabaseWrapper, session: psycopg.Connection[Any]
) -> None:
    pid = take(pooled)
    with pooled.cursor() as cursor:
        cursor.execute("LISTEN news")
    pooled.close()
    before = last_statement(session, pid)
    session.execute("NOTIFY news, 'hello'")
    while last_statement(session, pid) == before:
        # Until the news has arrived there is nothing to ask about.
        assert take(pooled) == pid
        pooled.close()

    assert take(pooled) == pid
    assert value_of(pooled, "SELECT pg_backend_pid()") == pid


def test_connections_that_ended_together_are_replaced_at_once(
    session: psycopg.Connection[Any], django_db_blocker: DjangoDbBlocker
) -> None:
    """As after a restart of the server: no request has to wait for the pauses of the pool."""
    sizes = {"DATABASE_POOL_MIN": "4", "DATABASE_POOL_MAX": "4", "DATABASE_POOL_TIMEOUT": "10"}
    with django_db_blocker.unblock(), connected(server_url("postgres"), **sizes) as pooled:
        pool: Any = pooled.pool  # type: ignore[attr-defined]
        pool.open(wait=True)
        lent = [pool.getconn() for _ in range(4)]
        ended = {each.info.backend_pid for each in lent}
        for each in lent:
            pool.putconn(each)
        for pid in ended:
            end(session, pid)

        assert len(ended) == 4
        assert take(pooled) not in ended
        assert value_of(pooled, "SELECT 1") == 1


def test_life_is_seen_without_a_pool(session: psycopg.Connection[Any]) -> None:
    with psycopg.connect(server_url("postgres")) as other:
        before = is_alive(other)
        end(session, other.info.backend_pid)

        assert (before, is_alive(other)) == (True, False)
    assert is_alive(session) is True


def test_a_connection_that_ended_in_use_is_an_error_and_replaced_by_the_next_request(
    pooled: BaseDatabaseWrapper, session: psycopg.Connection[Any]
) -> None:
    pid = take(pooled)
    end(session, pid)

    with pytest.raises(DatabaseError):
        value_of(pooled, "SELECT 1")
    pooled.close()

    assert take(pooled) != pid
