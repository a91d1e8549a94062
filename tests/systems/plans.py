"""How a database means to carry out a statement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet

WITHOUT_SHORTCUTS = ("enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_incremental_sort")
"""With these off PostgreSQL takes a path by an index even for few rows, where there is one."""


@dataclass(frozen=True)
class Plan:
    """The plan's text, the tables that it reads from end to end, and the sorts that it needs."""

    text: str
    scans: list[str]
    sorts: list[str]


def plan_of(rows: QuerySet[Any]) -> Plan:
    """The plan of a QuerySet."""
    sql, params = rows.query.sql_with_params()
    return plan_of_statement(sql, params)


def plan_of_statement(sql: str, params: Any, *, combines_indexes: bool = False) -> Plan:
    """The plan of a statement with its parameters; PostgreSQL combines several indexes only where that is allowed."""
    off = [name for name in WITHOUT_SHORTCUTS if not (combines_indexes and name == "enable_bitmapscan")]
    return _of_postgresql(sql, params, off) if connection.vendor == "postgresql" else _of_sqlite(sql, params)


def _of_sqlite(sql: str, params: Any) -> Plan:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        lines = [str(row[3]) for row in cursor.fetchall()]
    scans = [line for line in lines if line.startswith("SCAN") and "INDEX" not in line and "VIRTUAL TABLE" not in line]
    return Plan("\n".join(lines), scans, [line for line in lines if "TEMP B-TREE" in line])


def _of_postgresql(sql: str, params: Any, off: list[str]) -> Plan:
    with connection.cursor() as cursor:
        for name in off:
            cursor.execute(f"SET LOCAL {name} = off")
        cursor.execute(f"EXPLAIN {sql}", params)
        lines = [str(row[0]) for row in cursor.fetchall()]
        for name in off:
            cursor.execute(f"SET LOCAL {name} = on")
    scans = [line.strip() for line in lines if re.search(r"\bSeq Scan\b", line)]
    return Plan("\n".join(lines), scans, [line.strip() for line in lines if re.search(r"\bSort\b *\(", line)])
