"""What a database looks like, told so that two of them can be compared."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

Schema = dict[str, list[Any]]
"""For every table its columns, indexes, constraints and triggers."""

_SQLITE = """
    SELECT tbl_name, type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY tbl_name, type, name
"""

_POSTGRESQL = (
    """
    SELECT table_name, 'column', column_name, data_type, character_maximum_length, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, column_name
    """,
    "SELECT tablename, 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 3",
    """
    SELECT conrelid::regclass::text, 'constraint', conname, pg_get_constraintdef(oid), convalidated
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 ORDER BY 1, 3
    """,
    """
    SELECT tgrelid::regclass::text, 'trigger', tgname, pg_get_triggerdef(oid)
    FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 3
    """,
)


def schema_of(connection: BaseDatabaseWrapper) -> Schema:
    """Return the definitions in force, table by table, in an order of their own."""
    schema: Schema = {}
    with connection.cursor() as cursor:
        for query in _POSTGRESQL if connection.vendor == "postgresql" else (_SQLITE,):
            cursor.execute(query)
            for table, *definition in cursor.fetchall():
                schema.setdefault(table, []).append([_unordered(part) for part in definition])
    return schema


def _unordered(definition: Any) -> Any:
    """The columns and constraints of a CREATE TABLE, sorted: SQLite lists them anew when it remakes a table."""
    if not isinstance(definition, str) or not definition.startswith("CREATE TABLE"):
        return definition
    parts, depth = [""], 0
    for character in definition[definition.index("(") + 1 : definition.rindex(")")]:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return sorted(part.strip() for part in parts)
