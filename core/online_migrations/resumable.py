"""What the operations share: they run outside of a transaction, step by step, and each step may find itself done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import NotSupportedError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.models import Model

from core.online_migrations.lock_waits import HARMLESS_WAIT_MS, lock_timeout

_CONSTRAINTS = "SELECT 1 FROM pg_constraint WHERE conname = %s AND conrelid = to_regclass(%s)"


class Resumable(Operation):
    """An operation for a migration with `atomic = False`: killed at any moment, it goes on when run again."""

    atomic = False
    reduces_to_sql = False

    def refuse_transaction(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Raise NotSupportedError inside a transaction, on both databases alike."""
        if schema_editor.connection.in_atomic_block:
            name = type(self).__name__
            raise NotSupportedError(f"{name} does not run inside a transaction: set atomic = False on its migration.")


@contextmanager
def one_step(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """On SQLite a transaction of its own, behind the gate; on PostgreSQL nothing: each statement is its own."""
    if connection.vendor == "postgresql":
        yield
        return
    with transaction.atomic(using=connection.alias):
        yield


@contextmanager
def nobody_waits_behind(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """For statements under a lock that goes with reading and writing: they may wait long for old transactions."""
    with lock_timeout(connection, HARMLESS_WAIT_MS):
        yield


def has_column(connection: BaseDatabaseWrapper, model: type[Model], column: str) -> bool:
    with connection.cursor() as cursor:
        found = connection.introspection.get_table_description(cursor, model._meta.db_table)
    return column in {each.name for each in found}


def has_constraint(connection: BaseDatabaseWrapper, model: type[Model], name: str) -> bool:
    """Whether a table has a constraint, validated or not, or an index of this name."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_CONSTRAINTS, [name, connection.ops.quote_name(table)])
            return cursor.fetchone() is not None
        return name in connection.introspection.get_constraints(cursor, table)
