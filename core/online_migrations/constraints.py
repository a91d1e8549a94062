"""Constraints that hold for new rows at once and are proved for the old ones without a lock that stops anybody."""

from __future__ import annotations

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddConstraint
from django.db.migrations.state import ProjectState
from django.db.models import BaseConstraint, CheckConstraint, Model, UniqueConstraint

from core.online_migrations.indexes import build, drop_index, validity
from core.online_migrations.resumable import Resumable, has_constraint, nobody_waits_behind, one_step


class AddConstraintOnline(Resumable, AddConstraint):
    """Add a CHECK or a unique constraint to a table in use.

    A unique constraint is an index, built as `AddIndexOnline` builds one; on PostgreSQL the constraint takes it over. A
    CHECK is added unproved on PostgreSQL and then validated; SQLite makes the table anew for it, and its writers wait
    for that, see docs/upgrades.md. Raises ValueError for constraints of other kinds.
    """

    def __init__(self, model_name: str, constraint: BaseConstraint) -> None:
        if not isinstance(constraint, CheckConstraint | UniqueConstraint):
            raise ValueError(f"{constraint.name} is neither a CHECK nor a unique constraint.")
        if getattr(constraint, "deferrable", None) is not None:
            raise ValueError(f"{constraint.name} is deferrable, which no index can be.")
        if getattr(constraint, "nulls_distinct", None) is not None:
            raise ValueError(f"{constraint.name} says how nulls differ, which SQLite cannot.")
        super().__init__(model_name, constraint)

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self.refuse_transaction(schema_editor)
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if isinstance(self.constraint, UniqueConstraint):
            _add_unique(schema_editor, model, self.constraint)
        else:
            _add_check(schema_editor, model, self.constraint)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self.refuse_transaction(schema_editor)
        connection = schema_editor.connection
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(connection.alias, model):
            return
        is_index = connection.vendor != "postgresql" and validity(connection, self.constraint.name) is not None
        if is_index or not has_constraint(connection, model, self.constraint.name):
            drop_index(schema_editor, self.constraint.name)
            return
        with one_step(connection):
            schema_editor.remove_constraint(model, self.constraint)


def _add_check(schema_editor: BaseDatabaseSchemaEditor, model: type[Model], constraint: BaseConstraint) -> None:
    connection = schema_editor.connection
    is_there = has_constraint(connection, model, constraint.name)
    if connection.vendor != "postgresql":
        with one_step(connection):
            if not is_there:
                schema_editor.add_constraint(model, constraint)
        return
    table, name = (schema_editor.quote_name(each) for each in (model._meta.db_table, constraint.name))
    if not is_there:
        # The text is complete: `params=None` keeps a percent sign in it from being taken for a placeholder.
        schema_editor.execute(f"{constraint.create_sql(model, schema_editor)} NOT VALID", params=None)
    with nobody_waits_behind(connection):
        schema_editor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}", params=None)


def _add_unique(schema_editor: BaseDatabaseSchemaEditor, model: type[Model], constraint: UniqueConstraint) -> None:
    connection = schema_editor.connection
    table, name = (schema_editor.quote_name(each) for each in (model._meta.db_table, constraint.name))
    statement = str(constraint.create_sql(model, schema_editor))
    addition = f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE "
    is_of_table = statement.startswith(addition)
    if is_of_table:
        statement = f"CREATE UNIQUE INDEX {name} ON {table} {statement.removeprefix(addition)}"
    if connection.vendor == "postgresql":
        statement = statement.replace("CREATE UNIQUE INDEX", "CREATE UNIQUE INDEX CONCURRENTLY", 1)
    if not is_of_table or not has_constraint(connection, model, constraint.name):
        build(schema_editor, constraint.name, lambda: schema_editor.execute(statement, params=None))
        if is_of_table:
            schema_editor.execute(f"{addition}USING INDEX {name}", params=None)
