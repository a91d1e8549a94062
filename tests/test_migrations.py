"""Migrations: a line for each app, with names, that leads back and forth."""

from __future__ import annotations

import re

import pytest
from django.core.management import call_command
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration

from tests.architecture.source import APPS
from tests.schemas import Schema, schema_of

Node = tuple[str, str]

LOADER = MigrationLoader(None)
OUR_APPS = [app for app in APPS if app in LOADER.migrated_apps]
OUR_MIGRATIONS: dict[Node, Migration] = {
    (app, name): migration for (app, name), migration in LOADER.disk_migrations.items() if app in APPS
}


def line_of(app: str) -> list[str]:
    """The names of an app's migrations in order."""
    return sorted(name for owner, name in OUR_MIGRATIONS if owner == app)


def test_there_are_migrations_to_look_at() -> None:
    assert {"accounts", "agents_app", "conversations"} <= set(OUR_APPS)


@pytest.mark.parametrize("app", OUR_APPS)
def test_names_are_numbered_and_say_what_is_done(app: str) -> None:
    names = line_of(app)
    assert [name[:5] for name in names] == [f"{number:04d}_" for number in range(1, len(names) + 1)]
    assert [name for name in names if not re.fullmatch(r"\d{4}_[a-z][a-z0-9_]{3,}", name)] == []
    assert [name for name in names if re.match(r"\d{4}_(auto|initial|alter|merge|squashed)(_|$)", name)] == []


@pytest.mark.parametrize("app", OUR_APPS)
def test_line_has_one_beginning_one_end_and_no_fork(app: str) -> None:
    names = line_of(app)
    for before, name in zip([None, *names], names, strict=False):
        parents = [parent for parent in OUR_MIGRATIONS[app, name].dependencies if parent[0] == app]
        assert parents == ([(app, before)] if before else [])
    assert LOADER.graph.root_nodes(app) == [(app, names[0])]
    assert LOADER.graph.leaf_nodes(app) == [(app, names[-1])]


def test_models_and_migrations_agree(db: None) -> None:
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


@pytest.mark.parametrize("app", OUR_APPS)
def test_every_step_leads_back_to_the_schema_before_it(fresh_connection: BaseDatabaseWrapper, app: str) -> None:
    migrate(fresh_connection)
    whole = schema_of(fresh_connection)
    steps = ["zero", *line_of(app)]
    backwards = walk(fresh_connection, app, steps[::-1])
    forwards = walk(fresh_connection, app, steps)
    assert (backwards[0], backwards[-1]) == (tables_of(app, whole), {})
    assert forwards == backwards[::-1]
    migrate(fresh_connection)
    assert schema_of(fresh_connection) == whole


def walk(connection: BaseDatabaseWrapper, app: str, steps: list[str]) -> list[Schema]:
    """Migrate an app step by step and return what its tables looked like after each."""
    schemas = []
    for step in steps:
        migrate(connection, app, step)
        schemas.append(tables_of(app, schema_of(connection)))
    return schemas


def migrate(connection: BaseDatabaseWrapper, *target: str) -> None:
    call_command("migrate", *target, database=connection.alias, verbosity=0)


def tables_of(app: str, schema: Schema) -> Schema:
    prefixes = (f"{app}_", "search_") if app == "conversations" else (f"{app}_",)
    return {table: definitions for table, definitions in schema.items() if table.startswith(prefixes)}
