"""Django's SQLite backend with a fair gate in front of write transactions (see `core.sqlite.gate`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

from core.sqlite.gate import GateTimeout, WriteGate


class DatabaseWrapper(base.DatabaseWrapper):
    """Takes the gate before `BEGIN IMMEDIATE` and gives it back with the end of the transaction."""

    gate: WriteGate | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if not self.is_in_memory_db():
            path = Path(conn_params["database"])
            path.parent.mkdir(parents=True, exist_ok=True)
            self.gate = WriteGate(f"{path}-gate", timeout_seconds=conn_params.get("timeout", 5.0))
        return super().get_new_connection(conn_params)

    def _start_transaction_under_autocommit(self) -> None:
        self._take_gate()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # missing in the stubs
        except BaseException:
            self._give_gate_back()
            raise

    def _commit(self) -> Any:
        try:
            return super()._commit()  # type: ignore[misc]
        finally:
            self._give_back_after_transaction()

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
        try:
            self.gate.acquire()
        except GateTimeout:
            raise OperationalError("database is locked") from None

    def _give_back_after_transaction(self) -> None:
        """A failed commit leaves the transaction open; the gate is kept until it is rolled back."""
        if self.connection is None or not self.connection.in_transaction:
            self._give_gate_back()

    def _give_gate_back(self) -> None:
        if self.gate is not None:
            self.gate.release()
