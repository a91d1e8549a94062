"""Django's PostgreSQL backend with a cheaper check of pooled connections."""

from __future__ import annotations

import select
from collections.abc import Sequence
from time import perf_counter
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, Cursor, OperationalError
from psycopg.errors import FeatureNotSupported
from psycopg_pool import ConnectionPool

from core import telemetry


def is_alive(connection: Connection[Any]) -> bool:
    """Whether the server still holds its end of a connection that is not in use.

    A server that ends a connection says so, and nobody asked it for anything: what can be read means that something
    happened. Then, and only then, the server is asked whether it is still there; a question before each request would
    cost as much as the statements of the request.
    """
    watch = select.poll()
    try:
        watch.register(connection.fileno(), select.POLLIN)
        if watch.poll(0):
            ConnectionPool.check_connection(connection)
    except OperationalError:
        return False
    return True


class DatabaseWrapper(base.DatabaseWrapper):
    """Takes connections from the pool that are alive, and runs statements that the server keeps prepared."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection that is alive; dead ones go back to the pool, which replaces them.

        The pool has a check of its own, but pauses longer and longer after each dead connection: after a restart of
        the server all of them are dead, and a new one can be had at once.
        """
        connection = super().get_new_connection(conn_params)
        pool = self.pool
        while pool is not None and not is_alive(connection):
            pool.putconn(connection)
            connection = pool.getconn()
        return connection

    def state(self) -> None:
        """PostgreSQL does not tell cheaply whether anything has changed (see `core.sqlite`)."""

    def driver_rows(self, sql: str, _literal: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a statement that the server keeps prepared, unless the settings forbid it, and return its rows."""
        cursor = Cursor(self.connection)
        try:
            cursor.execute(sql, parameters, prepare=True)
        except FeatureNotSupported:
            # A migration gave a column another type; the server holds a statement to what it returned when prepared.
            if self.in_atomic_block:
                raise
            cursor.execute("DEALLOCATE ALL", prepare=False)
            cursor.execute(sql, parameters, prepare=True)
        return cursor.fetchall() if cursor.description else []

    def driver_many(self, sql: str, _literal: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each of the rows."""
        Cursor(self.connection).executemany(sql, rows)

    def _commit(self) -> Any:
        if not telemetry.observes_statements:
            return super()._commit()  # type: ignore[misc]  # missing in the stubs
        started = perf_counter()
        try:
            return super()._commit()  # type: ignore[misc]
        finally:
            telemetry.observe_statement("COMMIT", perf_counter() - started)
