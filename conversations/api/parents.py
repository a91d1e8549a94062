"""The ids of parents, for rows that know only their positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q

from conversations.models import Message


def attach_parents(rows: Sequence[Message]) -> list[Any]:
    """Set `parent_id` on every row, with one query for the parents that are not among the rows, if any are not."""
    known: dict[tuple[UUID, int], UUID] = {(row.thread_id, row.position): row.pk for row in rows}
    missing = {
        (row.thread_id, row.answers): row for row in rows if row.answers and (row.thread_id, row.answers) not in known
    }
    if missing:
        known |= _ids_at({thread_id: row.organization_id for (thread_id, _), row in missing.items()}, missing)
    for row in rows:
        row.parent_id = known.get((row.thread_id, row.answers))  # type: ignore[attr-defined]
    return list(rows)


def _ids_at(organizations: dict[UUID, UUID], places: dict[tuple[UUID, int], Message]) -> dict[tuple[UUID, int], UUID]:
    chosen = Q()
    for thread_id, organization_id in organizations.items():
        positions = [position for thread, position in places if thread == thread_id]
        chosen |= Q(organization_id=organization_id, thread_id=thread_id, position__in=positions)
    rows = Message.objects.filter(chosen).values_list("thread_id", "position", "id")
    return {(thread_id, position): pk for thread_id, position, pk in rows}
