"""Sums over usage that are exact on every database, and days and months in UTC as texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import BigIntegerField, Case, CharField, F, Func, Sum, When

from ledger.models.usage import TOKENS

HALF = 32
"""Bits of the lower half of a cost. SQLite's SUM ends at 64 bits, or 922 records of the highest cost."""


class UTCDate(Func):
    """The start of a moment in ISO 8601, in UTC: `2026-01-31` with ten characters, `2026-01` with seven."""

    output_field = CharField()

    def __init__(self, column: str, *, length: int, **options: Any) -> None:
        super().__init__(F(column), length=length, **options)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """SQLite stores moments as texts in UTC."""
        return self.as_sql(compiler, connection, template="SUBSTR(%(expressions)s, 1, %(length)d)", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "LEFT(TO_CHAR(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD'), %(length)d)"
        return self.as_sql(compiler, connection, template=template, **context)


def sums_of_cost() -> dict[str, Any]:
    """Return aggregates that `cost_of` puts together: the halves of the costs, and how many rows have none.

    Over no rows each is None.
    """
    is_unknown = Case(When(cost_units=None, then=1), default=0, output_field=BigIntegerField())
    return {
        "cost_high": Sum(F("cost_units").bitrightshift(HALF), output_field=BigIntegerField()),
        "cost_low": Sum(F("cost_units").bitand(2**HALF - 1), output_field=BigIntegerField()),
        "unknown_cost_requests": Sum(is_unknown, output_field=BigIntegerField()),
    }


def sums_of_tokens() -> dict[str, Any]:
    return {f"sum_of_{name}": Sum(name, output_field=BigIntegerField()) for name in TOKENS}


def cost_of(row: Mapping[str, Any]) -> int:
    """Return the sum of the known costs of a row of `sums_of_cost`, in units."""
    return (int(row["cost_high"] or 0) << HALF) + int(row["cost_low"] or 0)
