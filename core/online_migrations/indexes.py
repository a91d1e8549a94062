"""Indexes that are built while the table is read and written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddIndex, RemoveIndex
from django.db.migrations.state import ProjectState
from django.db.models import Index, Model

from core.integrity import Finding, register
from core.online_migrations.resumable import Resumable, nobody_waits_behind, one_step

_IS_VALID = """
SELECT i.indisvalid FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
WHERE c.relname = %s AND c.relnamespace = current_schema()::regnamespace
"""
_INVALID = """
SELECT c.relname FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
WHERE NOT i.indisvalid AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname
"""


class AddIndexOnline(Resumable, AddIndex):
    """Build an index without stopping the writers of PostgreSQL; SQLite's wait as long as it takes.

    What an earlier try left of it, which PostgreSQL keeps as an invalid index, is dropped and built anew.
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self.refuse_transaction(schema_editor)
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            add_index(schema_editor, model, self.index)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self.refuse_transaction(schema_editor)
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            drop_index(schema_editor, self.index.name)


class RemoveIndexOnline(Resumable, RemoveIndex):
    """Drop an index without stopping anybody."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self.refuse_transaction(schema_editor)
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            drop_index(schema_editor, self.name)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self.refuse_transaction(schema_editor)
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            index = to_state.models[app_label, self.model_name_lower].get_index_by_name(self.name)
            add_index(schema_editor, model, index)


def add_index(schema_editor: BaseDatabaseSchemaEditor, model: type[Model], index: Index) -> None:
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    options: dict[str, Any] = {"concurrently": True} if is_postgresql else {}
    build(schema_editor, index.name, lambda: schema_editor.add_index(model, index, **options))


def build(schema_editor: BaseDatabaseSchemaEditor, name: str, create: Callable[[], None]) -> None:
    """Call `create` unless the index stands; an invalid one is dropped first."""
    connection = schema_editor.connection
    is_valid = validity(connection, name)
    if is_valid:
        return
    if is_valid is False:
        drop_index(schema_editor, name)
    with one_step(connection), nobody_waits_behind(connection):
        create()


def drop_index(schema_editor: BaseDatabaseSchemaEditor, name: str) -> None:
    connection = schema_editor.connection
    how = "CONCURRENTLY " if connection.vendor == "postgresql" else ""
    with one_step(connection), nobody_waits_behind(connection):
        schema_editor.execute(f"DROP INDEX {how}IF EXISTS {schema_editor.quote_name(name)}", params=None)


def validity(connection: BaseDatabaseWrapper, name: str) -> bool | None:
    """None when there is no index of this name; False when it was not built to its end."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_IS_VALID, [name])
        else:
            cursor.execute("SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = %s", [name])
        row = cursor.fetchone()
    return None if row is None else bool(row[0])


def invalid_indexes(connection: BaseDatabaseWrapper) -> list[str]:
    """Indexes that cost every write and serve no search; SQLite has none."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(_INVALID)
        return [name for (name,) in cursor.fetchall()]


@register("indexes")
def check_indexes(using: str) -> Iterator[Finding]:
    """Indexes that a migration began and did not finish."""
    for name in invalid_indexes(connections[using]):
        yield Finding(name, "This index is invalid: run migrate again, which builds it anew, or REINDEX it.")
