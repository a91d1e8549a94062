"""Storing conversations that happened elsewhere, with their own ids, times and branches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from conversations.branches import ROOT, open_path, path_to, stored_parent
from conversations.models import Message, Thread
from conversations.services.appending import index_messages, jumps_of
from conversations.services.threads import index_title
from core.retries import unit_of_work

INSERT_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedMessages:
    """Messages in order, parents before children.

    Each entry holds columns of `Message`, among them `external_id`, and `parent`: the external id of the message it
    answers, None for none. `leaf` is the external id of the message that the source showed last.
    """

    entries: Sequence[dict[str, Any]]
    leaf: str | None = None


@unit_of_work
def store_thread(
    *,
    organization_id: UUID,
    fields: dict[str, Any],
    messages: ImportedMessages,
    created_at: datetime | None = None,
    updated_at: datetime | None = None,
    now: datetime | None = None,
) -> Thread:
    """Store a conversation as a new thread. Times that the source does not tell are the time of the import."""
    moment = now or timezone.now()
    thread = Thread(
        organization_id=organization_id,
        created_at=created_at or moment,
        updated_at=updated_at or created_at or moment,
        **fields,
    )
    thread.save(force_insert=True)
    index_title(thread)
    _insert(thread, messages, {}, moment)
    return thread


@unit_of_work
def extend_thread(
    *,
    thread: Thread,
    messages: ImportedMessages,
    metadata: dict[str, Any],
    updated_at: datetime | None = None,
    now: datetime | None = None,
) -> int:
    """Append the entries that the thread does not hold yet and show the source's leaf; returns how many were new."""
    moment = now or timezone.now()
    locked = Thread.objects.select_for_update(of=("self",)).get(organization_id=thread.organization_id, pk=thread.pk)
    known = Message.objects.of_thread(locked).filter(external_id__isnull=False)
    positions = {name: place for name, place in known.values_list("external_id", "position") if name is not None}
    new = [entry for entry in messages.entries if entry["external_id"] not in positions]
    locked.metadata = metadata
    locked.version += 1
    locked.updated_at = max(updated_at or moment, locked.updated_at)
    locked.save(update_fields=["metadata", "version", "updated_at"])
    _insert(locked, ImportedMessages(entries=new, leaf=messages.leaf), positions, moment)
    return len(new)


def _insert(thread: Thread, messages: ImportedMessages, positions: dict[str, int], now: datetime) -> None:
    """Write the entries behind the thread's last position and settle its counters and its path."""
    rows: list[Message] = []
    for entry in messages.entries:
        position = thread.last_position + len(rows) + 1
        rows.append(_row(thread, entry, position, positions, now))
        positions[entry["external_id"]] = position
    for start in range(0, len(rows), INSERT_BATCH):
        batch = Message.objects.bulk_create(rows[start : start + INSERT_BATCH])
        index_messages(batch)
    _settle(thread, rows, positions.get(messages.leaf or ""), now)


def _row(thread: Thread, entry: dict[str, Any], position: int, positions: dict[str, int], now: datetime) -> Message:
    columns = dict(entry)
    parent_name = columns.pop("parent")
    parent = ROOT if parent_name is None else positions[parent_name]
    columns["created_at"] = columns.get("created_at") or thread.created_at
    return Message(
        organization_id=thread.organization_id,
        thread_id=thread.pk,
        position=position,
        parent_position=stored_parent(position, parent),
        **columns,
    )


def _settle(thread: Thread, rows: Sequence[Message], leaf: int | None, now: datetime) -> None:
    thread.last_position += len(rows)
    thread.message_count += len(rows)
    if rows:
        thread.last_message_at = max(row.created_at for row in rows)
    place = leaf or thread.last_position
    path = path_to(place, jumps_of(thread.organization_id, thread.pk)) if place else None
    if path is not None and place == thread.last_position:
        thread.active_path, thread.active_leaf = open_path(path), None
    elif path is not None:
        thread.active_path, thread.active_leaf = path, place
    thread.save(update_fields=["last_position", "message_count", "last_message_at", "active_path", "active_leaf"])
