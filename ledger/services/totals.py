"""What was used and what it cost, by day, month, model, agent and the like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count

from core.errors import DomainError
from ledger.models.usage import TOKENS
from ledger.querysets import UsageRecordQuerySet
from ledger.totals import UTCDate, cost_of, sums_of_cost, sums_of_tokens

MAX_GROUPS = 10_000

GROUPINGS = {
    "day": "day",
    "month": "month",
    "provider": "provider",
    "model": "model",
    "agent": "agent_id",
    "domain": "domain_id",
    "thread": "thread_id",
    "user": "user_id",
    "key": "key_id",
}
"""By what totals can be grouped, and what the key of a group is called."""

PERIODS = {"day": 10, "month": 7}

Key = str | UUID | None


class TooManyGroups(DomainError):
    """The answer would have more rows than one answer holds."""

    code = "too_many_groups"
    title = "There are too many groups."

    def __init__(self) -> None:
        super().__init__(f"One answer holds {MAX_GROUPS} groups; choose fewer keys, or narrow the records by filters.")


@dataclass(frozen=True, slots=True)
class Total:
    """What a group of calls used. `cost_units` is None where the price of none of them is known."""

    keys: tuple[Key, ...]
    requests: int
    unknown_cost_requests: int
    known_cost_units: int
    tokens: tuple[int, ...]

    @property
    def cost_units(self) -> int | None:
        return None if self.requests and self.requests == self.unknown_cost_requests else self.known_cost_units


def group_usage(records: UsageRecordQuerySet, by: Sequence[str]) -> list[Total]:
    """Return the totals of the records by these keys of `GROUPINGS`, in order of the keys, missing ones first.

    Raises `TooManyGroups`.
    """
    names = [GROUPINGS[name] for name in by]
    periods: Any = {name: UTCDate("created_at", length=PERIODS[name]) for name in by if name in PERIODS}
    groups = records.order_by().annotate(**periods).values(*names)
    groups = groups.annotate(requests=Count("pk"), **sums_of_cost(), **sums_of_tokens())
    rows = list(groups[: MAX_GROUPS + 1])
    if len(rows) > MAX_GROUPS:
        raise TooManyGroups
    return sorted((_total(row, names) for row in rows), key=_place)


def total_of(totals: Sequence[Total]) -> Total:
    """Return the sum of totals."""
    return Total(
        keys=(),
        requests=sum(each.requests for each in totals),
        unknown_cost_requests=sum(each.unknown_cost_requests for each in totals),
        known_cost_units=sum(each.known_cost_units for each in totals),
        tokens=tuple(sum(each.tokens[index] for each in totals) for index in range(len(TOKENS))),
    )


def _total(row: dict[str, Any], names: Sequence[str]) -> Total:
    return Total(
        keys=tuple(row[name] for name in names),
        requests=row["requests"],
        unknown_cost_requests=row["unknown_cost_requests"],
        known_cost_units=cost_of(row),
        tokens=tuple(int(row[f"sum_of_{name}"]) for name in TOKENS),
    )


def _place(total: Total) -> tuple[tuple[bool, str], ...]:
    """Databases sort texts by rules of their own; here it is by code points."""
    return tuple((key is not None, str(key)) for key in total.keys)
