"""SQL that goes to the driver as it is, past the ORM and Django's cursors."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Sequence
from time import perf_counter
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from core import telemetry

Rows = list[tuple[Any, ...]]

_MARK = re.compile("%(s|%)")


class _Own(threading.local):
    """The default connection of a thread: Django's way to it goes through a dozen calls, and it is always the same.

    Where an event loop runs it is one for each task, and Django is asked.
    """

    wrapper: BaseDatabaseWrapper | None = None


_own = _Own()


def connection_of(using: str = DEFAULT_DB_ALIAS) -> Any:
    """Return the thread's connection, with what Parley's engines add to Django's."""
    if using != DEFAULT_DB_ALIAS or asyncio._get_running_loop() is not None:
        return connections[using]
    if _own.wrapper is None:
        _own.wrapper = connections[using]
    return _own.wrapper


class Statement:
    """One statement, written with `%s` for its parameters, `%%` for a percent sign, and nothing else of Python's.

    PostgreSQL prepares it once for each connection, and its parameters are bound by the server: a parameter whose
    type does not follow from its place needs a cast. SQLite's module keeps it compiled by itself. Both engines of
    Parley (`core.sqlite`, `core.postgresql`) have `driver_rows` for it.
    """

    __slots__ = ("literal", "sql")

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.literal = _MARK.sub(lambda mark: "?" if mark[1] == "s" else "%", sql)

    def rows(self, parameters: Sequence[Any], *, using: str = DEFAULT_DB_ALIAS) -> Rows:
        """Run it and return its rows as the driver gives them; raises Django's database errors.

        Nothing is converted: SQLite hands out UUIDs and times as text.
        """
        connection = connection_of(using)
        if _is_watched(connection):
            with connection.cursor() as cursor:
                cursor.execute(self.sql, parameters)
                return list(cursor.fetchall()) if cursor.description else []
        return self._timed(connection, "driver_rows", parameters)  # type: ignore[no-any-return]

    def many(self, rows: Sequence[Sequence[Any]], *, using: str = DEFAULT_DB_ALIAS) -> None:
        """Run it for each of the rows, inside a transaction that the caller has opened."""
        connection = connection_of(using)
        if _is_watched(connection):
            with connection.cursor() as cursor:
                cursor.executemany(self.sql, rows)
            return
        self._timed(connection, "driver_many", rows)

    def _timed(self, connection: BaseDatabaseWrapper, how: str, parameters: Any) -> Any:
        if connection.connection is None:
            connection.ensure_connection()
        if connection.needs_rollback:
            connection.validate_no_broken_transaction()
        with connection.wrap_database_errors:
            if not telemetry.observes_statements:
                return getattr(connection, how)(self.sql, self.literal, parameters)
            started = perf_counter()
            try:
                return getattr(connection, how)(self.sql, self.literal, parameters)
            finally:
                telemetry.observe_statement(self.sql, perf_counter() - started)


def _is_watched(connection: BaseDatabaseWrapper) -> bool:
    """Whether somebody counts, logs or judges the statements of Django's cursors, beyond their time."""
    wrappers = connection.execute_wrappers
    return connection.queries_logged or (bool(wrappers) and wrappers != telemetry.ONLY_TIMED)
