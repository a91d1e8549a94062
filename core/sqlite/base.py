"""Django's SQLite backend with a fair gate in front of write transactions (see `core.sqlite.gate`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from django.db import transaction
from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

from core import telemetry
from core.sqlite.gate import GateTimeout, WriteGate
from core.sqlite.schema import DatabaseSchemaEditor
from core.sqlite.write_ahead_log import WriteAheadLog


class DatabaseWrapper(base.DatabaseWrapper):
    """Takes the gate before `BEGIN IMMEDIATE` and gives it back with the end of the transaction."""

    SchemaEditorClass = DatabaseSchemaEditor
    gate: WriteGate | None = None
    log: WriteAheadLog | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if not self.is_in_memory_db():
            path = Path(conn_params["database"])
            path.parent.mkdir(parents=True, exist_ok=True)
            self.gate = WriteGate(f"{path}-gate", timeout_seconds=conn_params.get("timeout", 5.0))
            self.log = WriteAheadLog(str(path))
        return super().get_new_connection(conn_params)

    def state(self) -> tuple[Any, int, int] | None:
        """Return what differs whenever anything in the database does, None inside a transaction.

        SQLite counts the commits of others and the changes of this connection; both numbers mean something to this
        connection alone. What was read in one state, learned before the reading, may be used again in the same one.
        """
        self.ensure_connection()
        raw = self.connection
        with self.wrap_database_errors:
            if raw.in_transaction:
                return None
            [version] = raw.execute("PRAGMA data_version").fetchone()
            return raw, version, raw.total_changes

    def driver_rows(self, _sql: str, literal: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows as SQLite has them."""
        return self.connection.execute(literal, parameters).fetchall()  # type: ignore[no-any-return]

    def driver_many(self, _sql: str, literal: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each of the rows."""
        self.connection.executemany(literal, rows)

    @contextmanager
    def short_transaction(self) -> Iterator[None]:
        """A write transaction for statements that go to the driver as they are; inside of another, a part of it.

        Django's `atomic` does the same with many times the calls, for code that may do anything inside.
        """
        if self.in_atomic_block:
            with transaction.atomic(using=self.alias):
                yield
            return
        self.ensure_connection()
        self._take_gate()
        try:
            with self.wrap_database_errors:
                self.connection.execute("BEGIN IMMEDIATE")
            yield
            self._commit()
        except BaseException:
            # Gives the gate back, also when no transaction was begun.
            self._rollback()
            raise

    def _start_transaction_under_autocommit(self) -> None:
        self._take_gate()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # missing in the stubs
        except BaseException:
            self._give_gate_back()
            raise

    def _commit(self) -> None:
        started = perf_counter()
        try:
            super()._commit()  # type: ignore[misc]
            if self.log is not None:
                self.log.contain(self.connection)
        finally:
            self._give_back_after_transaction()
            if telemetry.observes_statements:
                telemetry.observe_statement("COMMIT", perf_counter() - started)

    def _rollback(self) -> Any:
        try:
            return super()._rollback()  # type: ignore[misc]
        finally:
            self._give_back_after_transaction()

    def _close(self) -> Any:
        try:
            return super()._close()  # type: ignore[misc]
        finally:
            if self.gate is not None:
                self.gate.close()

    def _take_gate(self) -> None:
        if self.gate is None:
            return
        started = perf_counter()
        try:
            self.gate.acquire()
            if telemetry.observes_statements:
                telemetry.observe_gate_wait(perf_counter() - started)
        except GateTimeout:
            raise OperationalError("database is locked") from None
        except OSError as error:
            raise OperationalError(f"the gate of the database cannot be opened: {error.strerror}") from error

    def _give_back_after_transaction(self) -> None:
        """A failed commit leaves the transaction open; the gate is kept until it is rolled back."""
        if self.connection is None or not self.connection.in_transaction:
            self._give_gate_back()

    def _give_gate_back(self) -> None:
        if self.gate is not None:
            self.gate.release()
