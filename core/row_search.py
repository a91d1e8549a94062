"""Searching for words behind the second wall.

Under a policy PostgreSQL uses an index only for conditions that cannot give away what the policy hides, and a match of
words is none of them: a search would read every document of the organization. So each table of words gets a function
that searches it by its index, with the rights of the table's owner, and keeps to the scope by itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

SUFFIX = "_in_scope"

_SEARCHES = """
SELECT quote_ident(t.relname), quote_ident(t.relname || %s) || '(tsquery)', quote_ident(current_schema()),
    (SELECT quote_ident(a.attname) FROM pg_attribute a WHERE a.attrelid = t.oid AND a.atttypid = 'tsvector'::regtype
        AND NOT a.attisdropped),
    (SELECT array_agg(quote_ident(a.attname) ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = t.oid AND a.atttypid = 'uuid'::regtype AND NOT a.attisdropped)
FROM pg_class t
WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind IN ('r', 'p')
    AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = t.oid AND a.atttypid = 'tsvector'::regtype)
    AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'organization_id')
"""

_STATE = """
SELECT COALESCE(obj_description(to_regprocedure(%s), 'pg_proc'), ''),
    COALESCE(has_function_privilege(to_regrole(%s), to_regprocedure(%s), 'EXECUTE'), false)
"""


@dataclass(frozen=True, slots=True)
class Search:
    """A table of words, with the names as SQL takes them; `columns` are its ids."""

    table: str
    function: str
    schema: str
    words: str
    columns: list[str]

    def definition(self, ids: str) -> str:
        result = ", ".join(f"{name} uuid" for name in self.columns)
        chosen = ", ".join(f"found.{name}" for name in self.columns)
        # No dependency arises from a body in quotes: the table can be dropped as if the function were not there.
        head = f"CREATE FUNCTION {self.function} RETURNS TABLE ({result}) LANGUAGE sql STABLE SECURITY DEFINER"
        condition = f"found.{self.words} @@ $1 AND found.organization_id = ANY ({ids})"
        body = f"SELECT {chosen} FROM {self.table} found WHERE {condition}"  # noqa: S608  names from the catalog
        return f"{head} SET search_path = {self.schema}, pg_temp AS $$ {body} $$"


def lacking(connection: BaseDatabaseWrapper, ids: str, role: str) -> list[list[str]]:
    """The statements that are missing for each table of words; `ids` is the scope in SQL, `role` a quoted name."""
    return [_for_search(connection, search, ids, role) for search in _searches(connection)]


def removing(connection: BaseDatabaseWrapper, role: str) -> list[str]:
    found = [search for search in _searches(connection) if _state(connection, search, role)[0]]
    return [f"DROP FUNCTION {search.function}" for search in found]


def _for_search(connection: BaseDatabaseWrapper, search: Search, ids: str, role: str) -> list[str]:
    definition = search.definition(ids)
    fingerprint = hashlib.sha256(definition.encode()).hexdigest()[:16]
    found, is_granted = _state(connection, search, role)
    if found == fingerprint:
        return [] if is_granted else [f"GRANT EXECUTE ON FUNCTION {search.function} TO {role}"]
    return [
        f"DROP FUNCTION IF EXISTS {search.function}",
        definition,
        f"COMMENT ON FUNCTION {search.function} IS '{fingerprint}'",
        f"REVOKE ALL ON FUNCTION {search.function} FROM PUBLIC",
        f"GRANT EXECUTE ON FUNCTION {search.function} TO {role}",
    ]


def _searches(connection: BaseDatabaseWrapper) -> list[Search]:
    with connection.cursor() as cursor:
        cursor.execute(_SEARCHES, [SUFFIX])
        return [Search(*row) for row in cursor.fetchall()]


def _state(connection: BaseDatabaseWrapper, search: Search, role: str) -> tuple[str, bool]:
    """The fingerprint of the function, empty where there is none, and whether the role may call it."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE, [search.function, role, search.function])
        row: tuple[str, bool] = cursor.fetchone()
        return row
