"""Django's schema editor for SQLite, which checks foreign keys only after rows were written."""

from __future__ import annotations

from typing import Any, Self

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.sqlite3 import schema

ROWS_OF_A_RECORD = 1
"""What a migration writes to say that it is applied."""


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    """Leaves out the check of every row of every table where nothing can have been orphaned.

    Django makes that check inside the transaction, so that all writers wait for it: for a second beside a million
    messages. A new table, index, column or trigger writes no row; a table that is made anew writes them all.
    """

    _rows_before = 0
    _has_dropped_a_table = False

    def __enter__(self) -> Self:
        super().__enter__()
        self._rows_before = self._rows_written()
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        try:
            if exc_type is None and self._may_have_orphaned_rows():
                self.connection.check_constraints()
        except BaseException as error:
            BaseDatabaseSchemaEditor.__exit__(self, type(error), error, error.__traceback__)
            raise
        else:
            BaseDatabaseSchemaEditor.__exit__(self, exc_type, exc_value, traceback)
        finally:
            self.connection.enable_constraint_checking()

    def execute(self, sql: Any, params: Any = ()) -> None:
        self._has_dropped_a_table |= str(sql).lstrip()[:10].upper() == "DROP TABLE"
        super().execute(sql, params)

    def _may_have_orphaned_rows(self) -> bool:
        # With statements left for its end, a migration is recorded only after it.
        expected = 0 if self.deferred_sql else ROWS_OF_A_RECORD
        return self._has_dropped_a_table or self._rows_written() - self._rows_before > expected

    def _rows_written(self) -> int:
        """Rows that the connection inserted, changed and deleted since it was opened."""
        connection = self.connection.connection
        return 0 if connection is None else int(connection.total_changes)
