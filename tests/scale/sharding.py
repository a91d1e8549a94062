"""The product's tables cut into shards by organization, as one would cut them on Citus, on plain PostgreSQL.

`python -m tests.scale` prints the statements for the migrated database of `DATABASE_URL`, with its rows. Which tables
are cut follows from the models, and what a table looks like from the database, so that a new table joins by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import ForeignKey, Model

from tests.architecture.tables import WITHOUT_ORGANIZATION
from tests.scale.statements import INDEX_TABLE

SHARDS = 4
UNCUT = "uncut"
"""The schema in which the tables lie as they were, until their rows are moved."""

READ_FIRST = {
    "accounts.Membership": "A log-in and a key ask for the memberships of a person, which tell the organizations."
}
"""Tenant tables that are read before the organization is known, beside those found by a secret of their own."""

Table = type[Model]


def cut_tables() -> list[str]:
    """The tables that are cut: all with an organization on every row but those that must be whole everywhere."""
    whole = _whole()
    cut = [model._meta.db_table for model in apps.get_models() if _has_organization(model) and model not in whole]
    return sorted([*cut, INDEX_TABLE])


def whole_tables() -> list[str]:
    """The tables that every shard has in full, Django's own among them."""
    return sorted({model._meta.db_table for model in apps.get_models()} - set(cut_tables()))


def _whole() -> set[Table]:
    """What is looked up before the organization is known, and whatever that refers to."""
    found: set[Table] = set()
    waiting = [model for model in apps.get_models() if not _has_organization(model) or _is_read_first(model)]
    while waiting:
        model = waiting.pop()
        if model not in found:
            found.add(model)
            waiting += [each.related_model for each in model._meta.local_fields if isinstance(each, ForeignKey)]
    return found


def _has_organization(model: Table) -> bool:
    return any(field.column == "organization_id" and not field.null for field in model._meta.local_fields)


def _is_read_first(model: Table) -> bool:
    names = {constraint.name for constraint in model._meta.constraints}
    return model._meta.label in READ_FIRST or bool(names & WITHOUT_ORGANIZATION.keys())


def statements() -> Iterator[str]:
    """What cuts the tables of the database that `connection` leads to, and moves their rows."""
    tables = cut_tables()
    yield "SET CONSTRAINTS ALL IMMEDIATE"
    yield f"CREATE SCHEMA {UNCUT}"
    made = {table: list(_made_anew(table)) for table in tables}
    references = [reference for table in tables for reference in _references(table, tables)]
    for table in tables:
        yield f"ALTER TABLE {table} SET SCHEMA {UNCUT}"
    for table in tables:
        yield from made[table]
        yield f"INSERT INTO {table} SELECT * FROM {UNCUT}.{table}"
    yield from references
    yield f"DROP SCHEMA {UNCUT} CASCADE"


def _made_anew(table: str) -> Iterator[str]:
    """The table in shards with its keys, indexes and triggers."""
    columns = f"LIKE {UNCUT}.{table} INCLUDING ALL EXCLUDING INDEXES"
    yield f"CREATE TABLE {table} ({columns}) PARTITION BY HASH (organization_id)"
    for number in range(SHARDS):
        bounds = f"WITH (MODULUS {SHARDS}, REMAINDER {number})"
        yield f"CREATE TABLE {table}_{number} PARTITION OF {table} FOR VALUES {bounds}"
    key = _column(
        "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) "
        "WHERE i.indrelid = %s::regclass AND i.indisprimary AND a.attname <> 'organization_id' ORDER BY a.attnum",
        table,
    )
    yield f"ALTER TABLE {table} ADD PRIMARY KEY ({', '.join(['organization_id', *key])})"
    yield from _column("SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass "
                       "AND NOT indisprimary ORDER BY indexrelid", table)  # fmt: skip
    yield from _column("SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = %s::regclass "
                       "AND NOT tgisinternal ORDER BY oid", table)  # fmt: skip


def _references(table: str, tables: list[str]) -> Iterator[str]:
    """The foreign keys; one that leads from shard to shard holds the organization."""
    for name, written, column, target in _rows(
        "SELECT c.conname, pg_get_constraintdef(c.oid), a.attname, c.confrelid::regclass::text FROM pg_constraint c "
        "JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] "
        "WHERE c.contype = 'f' AND c.conrelid = %s::regclass ORDER BY c.conname",
        table,
    ):
        inside = written.replace(f"({column})", f"(organization_id, {column})", 1)
        inside = inside.replace(f"{target}(id)", f"{target}(organization_id, id)", 1)
        yield f"ALTER TABLE {table} ADD CONSTRAINT {name} {inside if target in tables else written}"


def _column(sql: str, table: str) -> list[str]:
    return [row[0] for row in _rows(sql, table)]


def _rows(sql: str, table: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [table])
        return list(cursor.fetchall())
