"""Usage as JSONL and as CSV, a portion at a time: a file of any size is written from bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.db.models import Q, QuerySet

from core.access import Actor
from core.renderers import dump_response
from core.spreadsheets import csv_lines
from ledger.models import UsageRecord
from ledger.models.usage import TOKENS
from ledger.money import CURRENCY, dollars
from ledger.services.audit import Subject, record

ROWS_AT_ONCE = 1000

PLAIN_FIELDS = (
    *("id", "created_at", "provider", "model", *TOKENS, "latency_ms"),
    *("price_source", "price_date", "thread_id", "message_id", "agent_id", "domain_id", "user_id", "key_id"),
    *("external_id", "metadata", "recorded_at"),
)
COLUMNS = (*PLAIN_FIELDS[:9], "cost", "cost_units", "currency", *PLAIN_FIELDS[9:], "version")
Portions = Iterator[list[dict[str, Any]]]


def export_usage(
    *, actor: Actor, records: QuerySet[UsageRecord], filters: Mapping[str, str], suffix: str
) -> Iterator[bytes]:
    """Write down that the actor exports these records, and return the pieces of the file: `jsonl` or `csv`.

    A line of JSONL is a record as the API shows it. In CSV an unknown cost is an empty cell, and no cell starts a
    formula.
    """
    after = {"format": suffix, "filters": dict(filters)}
    record(actor=actor, action="usage.exported", subject=Subject("usage_record", None), after=after)
    return WRITERS[suffix](_in_portions(records))


def _in_portions(records: QuerySet[UsageRecord]) -> Portions:
    """Yield the rows from the oldest on without holding them all, nor a cursor of the database."""
    rows = records.order_by("created_at", "id").values(*PLAIN_FIELDS, "cost_units")
    portion = list(rows[:ROWS_AT_ONCE])
    while portion:
        yield [_shown(row) for row in portion]
        at, pk = portion[-1]["created_at"], portion[-1]["id"]
        behind = Q(created_at__gte=at) & (Q(created_at__gt=at) | Q(id__gt=pk))
        portion = list(rows.filter(behind)[:ROWS_AT_ONCE])


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    units, day = row["cost_units"], row["price_date"]
    row |= {"cost": None if units is None else dollars(units), "currency": CURRENCY, "version": UsageRecord.version}
    row["price_date"] = None if day is None else day.isoformat()
    return {name: row[name] for name in COLUMNS}


def _jsonl(portions: Portions) -> Iterator[bytes]:
    for portion in portions:
        yield b"".join(dump_response(row) + b"\n" for row in portion)


def _csv(portions: Portions) -> Iterator[bytes]:
    yield csv_lines([COLUMNS])
    for portion in portions:
        yield csv_lines([list(row.values()) for row in portion])


WRITERS: dict[str, Callable[[Portions], Iterator[bytes]]] = {"csv": _csv, "jsonl": _jsonl}
