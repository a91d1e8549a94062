"""The audit trail as JSONL and as CSV, a portion at a time: a file of any size is written from bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.db.models import Q

from core.access import Actor
from core.renderers import dump_response
from core.spreadsheets import csv_lines
from ledger.querysets import AuditEntryQuerySet
from ledger.services.audit import NO_SUBJECT, record

ROWS_AT_ONCE = 500

COLUMNS = (
    *("organization_id", "sequence", "id", "created_at", "action", "actor_kind", "actor_id", "actor_label"),
    *("subject_type", "subject_id", "subject_label", "before", "after", "reason", "request_id", "address"),
    *("previous_hash", "hash"),
)

Rows = Iterator[list[dict[str, Any]]]


def export_audit(
    *, actor: Actor, entries: AuditEntryQuerySet, filters: Mapping[str, Any], format_name: str
) -> Iterator[bytes]:
    """Write down that the actor exports these entries, and return the file in pieces: `jsonl` or `csv`.

    All entries belong to the actor's organization; those that are there now are exported, oldest first.
    """
    after = {"format": format_name, "filters": filters}
    written = record(actor=actor, action="audit.exported", subject=NO_SUBJECT, after=after)
    return entries_as(format_name, entries.filter(sequence__lt=written.sequence))


def entries_as(format_name: str, entries: AuditEntryQuerySet) -> Iterator[bytes]:
    """Return the entries as the pieces of a file, by organization and sequence."""
    return WRITERS[format_name](_in_portions(entries))


def _in_portions(entries: AuditEntryQuerySet) -> Rows:
    """Yield the entries without holding them all, nor a cursor of the database."""
    rows = entries.order_by("organization_id", "sequence").values(*COLUMNS)
    portion = list(rows[:ROWS_AT_ONCE])
    while portion:
        yield portion
        last = portion[-1]
        same = Q(organization_id=last["organization_id"], sequence__gt=last["sequence"])
        portion = list(rows.filter(same | Q(organization_id__gt=last["organization_id"]))[:ROWS_AT_ONCE])


def _jsonl(portions: Rows) -> Iterator[bytes]:
    for portion in portions:
        yield b"".join(dump_response(row) + b"\n" for row in portion)


def _csv(portions: Rows) -> Iterator[bytes]:
    yield csv_lines([COLUMNS])
    for portion in portions:
        yield csv_lines(_cells(portion))


def _cells(portion: Iterable[dict[str, Any]]) -> Iterator[list[Any]]:
    return ([row[name] for name in COLUMNS] for row in portion)


WRITERS: dict[str, Callable[[Rows], Iterator[bytes]]] = {"csv": _csv, "jsonl": _jsonl}
