"""Columns that come and go while the release before and the release after both run."""

from __future__ import annotations

from copy import copy
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddField, RemoveField
from django.db.migrations.state import ProjectState
from django.db.models import Model, Value

from core.online_migrations.resumable import Resumable, has_column, one_step


class AddFieldOnline(Resumable, AddField):
    """Add a column without touching a row; code that does not know it goes on inserting.

    The field is nullable without a default, or has a constant `db_default`; anything else raises ValueError, as does
    what would read the whole table under a lock: an index, uniqueness, a check of its own.
    """

    def __init__(self, model_name: str, name: str, field: Any, preserve_default: bool = True) -> None:
        refuse_heavy_field(name, field)
        super().__init__(model_name, name, field, preserve_default)

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self.refuse_transaction(schema_editor)
        model = from_state.apps.get_model(app_label, self.model_name)
        field = to_state.apps.get_model(app_label, self.model_name)._meta.get_field(self.name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            add_column(schema_editor, model, field)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self.refuse_transaction(schema_editor)
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            drop_column(schema_editor, model, model._meta.get_field(self.name))


class ForgetField(Resumable, RemoveField):
    """First half of taking a column away: models stop knowing it, the table keeps it for the release before.

    The column must be nullable or have a `db_default`, since inserts no longer name it; else ValueError. A reference
    to another table is let go, so that rows of that table can still be deleted.
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self.refuse_transaction(schema_editor)
        model = from_state.apps.get_model(app_label, self.model_name)
        field: Any = model._meta.get_field(self.name)
        if not field.null and not field.has_db_default():
            raise ValueError(f"{self.model_name}.{self.name} must be nullable or have a db_default to be forgotten.")
        if field.remote_field and self.allow_migrate_model(schema_editor.connection.alias, model):
            _set_reference(schema_editor, model, field, is_enforced=False)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self.refuse_transaction(schema_editor)
        model = to_state.apps.get_model(app_label, self.model_name)
        field: Any = model._meta.get_field(self.name)
        if field.remote_field and self.allow_migrate_model(schema_editor.connection.alias, model):
            _set_reference(schema_editor, model, field, is_enforced=True)


class DropForgottenColumn(Resumable):
    """Second half, a release later: drop the column that `ForgetField` left. `field` is what it was, for the way back.

    PostgreSQL marks the column as dropped; SQLite writes every row anew, and its writers wait for that.
    """

    reversible = True

    def __init__(self, model_name: str, name: str, field: Any) -> None:
        refuse_heavy_field(name, field)
        self.model_name, self.name, self.field = model_name, name, field

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__name__, [], {"model_name": self.model_name, "name": self.name, "field": self.field}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models forgot the field before."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self.refuse_transaction(schema_editor)
        model = self._model_with_field(app_label, from_state)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            drop_column(schema_editor, model, model._meta.get_field(self.name))

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self.refuse_transaction(schema_editor)
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            add_column(schema_editor, model, self._model_with_field(app_label, to_state)._meta.get_field(self.name))

    def describe(self) -> str:
        return f"Drop the forgotten column {self.name} of {self.model_name}"

    def _model_with_field(self, app_label: str, state: ProjectState) -> type[Model]:
        remembered = state.clone()
        remembered.add_field(app_label, self.model_name.lower(), self.name, self.field, preserve_default=True)
        return remembered.apps.get_model(app_label, self.model_name)


def refuse_heavy_field(name: str, field: Any) -> None:
    """Raise ValueError for a field whose column cannot be added in an instant."""
    has_constant = field.has_db_default() and isinstance(field._db_default_expression, Value)
    if not has_constant and (not field.null or field.has_default() or field.has_db_default()):
        raise ValueError(f"{name} must be nullable without a default, or have a constant db_default.")
    if field.unique or field.db_index:
        raise ValueError(f"{name} brings an index: give it db_index=False, and add one with AddIndexOnline.")
    if field.get_internal_type().startswith("Positive"):
        raise ValueError(f"{name} brings a check of all rows: use a signed field, and AddConstraintOnline.")


def add_column(schema_editor: BaseDatabaseSchemaEditor, model: type[Model], field: Any) -> None:
    if has_column(schema_editor.connection, model, field.column):
        return
    with one_step(schema_editor.connection):
        # SQLite's own editor would make the table anew for a column that is not null, which its engine can add.
        BaseDatabaseSchemaEditor.add_field(schema_editor, model, field)


def drop_column(schema_editor: BaseDatabaseSchemaEditor, model: type[Model], field: Any) -> None:
    if has_column(schema_editor.connection, model, field.column):
        with one_step(schema_editor.connection):
            schema_editor.remove_field(model, field)


def _set_reference(
    schema_editor: BaseDatabaseSchemaEditor, model: type[Model], field: Any, *, is_enforced: bool
) -> None:
    loose = copy(field)
    loose.db_constraint = False
    before, after = (loose, field) if is_enforced else (field, loose)
    with one_step(schema_editor.connection):
        schema_editor.alter_field(model, before, after)
