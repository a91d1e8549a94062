"""The rows of a transcript page, read so that no message can make the page large."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Case, F, TextField, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Left, Length

from conversations.branches import Jump
from conversations.models import Feedback, Message, Thread
from conversations.transcript.budget import MAX_BLOCK
from core.fields import JSONField

JSON_COLUMNS = ("parts", "artifact_data", "metadata", "usage")
PLAIN_COLUMNS = (
    *("id", "position", "role", "status", "provider", "model", "finish_reason", "external_id", "created_at"),
    *("trashed_at", "purged_at", "version"),
)

MAX_FEEDBACK = 500
"""On the messages of a page."""


def jumps_of(thread: Thread) -> list[Jump]:
    """Return position and explicit parent of the messages that have one."""
    jumps = Message.objects.of_thread(thread).jumps().values_list("position", "parent_position")
    return [(place, parent) for place, parent in jumps if parent is not None]


def trashed_positions(thread: Thread) -> frozenset[int]:
    """Return the positions of the thread's messages in the trash; costs a query only where there are some."""
    if thread.message_count == thread.last_position:
        return frozenset()
    return frozenset(Message.objects.of_thread(thread).in_trash().values_list("position", flat=True))


def message_rows(thread: Thread, positions: Sequence[int]) -> list[dict[str, Any]]:
    """Return the messages at the positions, in order.

    A row holds `PLAIN_COLUMNS`, the beginning of `content` with its `content_length`, and for each of `JSON_COLUMNS`
    its value with `<column>_size`: the length of its JSON text, None where the column is missing. A value of more than
    `MAX_BLOCK` characters stays in the database and reads None.
    """
    messages = Message.objects.of_thread(thread).filter(position__in=positions).in_order()
    return list(bounded_values(messages))


def bounded_values(messages: Any) -> Iterable[dict[str, Any]]:
    """The columns of `message_rows` for any messages."""
    beginnings = {"content_start": Left("content", MAX_BLOCK + 1), "content_length": Length("content")}
    rows: Iterable[dict[str, Any]] = (
        messages.annotate(**_sizes(JSON_COLUMNS), **beginnings)
        .annotate(**_small_values(JSON_COLUMNS))
        .values(*PLAIN_COLUMNS, *beginnings, *_sizes(JSON_COLUMNS), *_small_values(JSON_COLUMNS))
    )
    return rows


def _sizes(columns: Sequence[str]) -> dict[str, Combinable]:
    return {f"{name}_size": Length(Cast(name, TextField())) for name in columns}


def _small_values(columns: Sequence[str]) -> dict[str, Combinable]:
    """The columns where they are small; they are compared with `_sizes`."""
    nothing = Value(None, JSONField())
    return {
        f"{name}_value": Case(
            When(**{f"{name}_size__lte": MAX_BLOCK}, then=F(name)), default=nothing, output_field=JSONField()
        )
        for name in columns
    }


def feedback_rows(organization_id: UUID, message_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """Return the feedback outside the trash by message, the oldest first, `MAX_FEEDBACK` at most."""
    feedback = (
        Feedback.objects.filter(organization_id=organization_id, message_id__in=message_ids)
        .active()
        .annotate(**_sizes(("payload",)))
        .annotate(**_small_values(("payload",)))
        .order_by("created_at", "id")
    )
    columns = ("id", "message_id", "rating", "comment", "created_at", "created_by__username")
    found: defaultdict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in feedback.values(*columns, "payload_size", "payload_value")[:MAX_FEEDBACK]:
        found[row["message_id"]].append(row)
    return found
