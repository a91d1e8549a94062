"""The ids of parents, for rows that know only their positions."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from conversations.branches import parent_of
from conversations.models import Message
from core.access import Actor
from core.fast.lists import Computed
from core.fast.queries import CompiledQuery, Places
from core.fast.shapes import RowShape, uuids
from core.fast.statements import Rows
from core.replicas import reading_alias

PARENT_COLUMNS = ("parent_position",)
"""What `parents_of` needs beside the columns that are shown."""


def _id_at(_form: Hashable, places: Places) -> QuerySet[Any]:
    rows = Message.objects.filter(organization_id=places.of(UUID), thread_id=places.of(UUID), position=places.of(int))
    return rows.values_list(Cast("id", TextField()))


_ID_AT = CompiledQuery(_id_at)


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


def parents_of(shape: RowShape) -> Computed:
    """Return what makes `parent_id` of the rows of one thread as JSON, by one more query where a parent is not among
    those found; None for several."""
    thread, position, parent, own = (shape.place(name) for name in ("thread_id", "position", "parent_position", "id"))

    def texts(actor: Actor, rows: Rows, found: Rows) -> list[list[str]] | None:
        places = [parent_of(row[position], row[parent]) for row in rows]
        known: dict[int, str | None] = {row[position]: row[own] for row in found}
        missing = {place for place in places if place and place not in known}
        if len(missing) > 1:
            return None
        for place in missing:
            values = [actor.organization_id, UUID(rows[0][thread]), place]
            parents = _ID_AT.rows(None, values, using=reading_alias())
            known[place] = parents[0][0] if parents else None
        return [uuids([known.get(place) for place in places])]

    return texts
