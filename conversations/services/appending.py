"""Appending messages: the heart of the write contract."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from conversations.branches import ROOT, open_path, path_to, stored_parent
from conversations.metrics import APPENDED
from conversations.models import Message, Thread
from conversations.search import Document, index_documents
from core.access import Actor
from core.errors import Conflict, DomainError, NotFound

MAX_BATCH = 1000


class InvalidParent(DomainError):
    """`parent_id` names no message of this thread."""

    code = "invalid_parent"
    title = "The parent is not a message of this thread."

    reason = "There is no such message in this thread."

    def __init__(self, index: int) -> None:
        field = f"messages.{index}.parent_id"
        super().__init__(f"{field}: {self.reason}", errors={field: [self.reason]})


class MessageExists(Conflict):
    """An id or an external id is taken."""

    code = "message_exists"
    title = "A message with this id or external_id is there already."


def append_messages(
    *, actor: Actor, thread_id: UUID, messages: Sequence[dict[str, Any]], now: datetime | None = None
) -> list[Message]:
    """Append messages to a thread in one transaction, all or nothing, and return them in order.

    Each entry holds columns of `Message` and, optionally, `parent_id`: a UUID of the thread or of an earlier entry,
    or None for a message without parent. Without it a message answers the active leaf. A message with a parent of
    its own becomes the active branch.

    Raises `NotFound`, `InvalidParent`, `MessageExists`.
    """
    try:
        with transaction.atomic():
            return _append(actor, thread_id, messages, now or timezone.now())
    except IntegrityError:
        raise MessageExists("Nothing was appended; send ids that are not in use.") from None


def _append(actor: Actor, thread_id: UUID, messages: Sequence[dict[str, Any]], now: datetime) -> list[Message]:
    last, leaf = _allocate(actor, thread_id, len(messages), now)
    placer = _Placer(thread_id, actor.organization_id, leaf=leaf)
    rows = placer.place(messages, first=last - len(messages) + 1, now=now)
    Message.objects.bulk_create(rows)
    if placer.has_branched:
        follow_branch(actor.organization_id, thread_id, last)
    index_messages(rows)
    note_appended(len(rows))
    return rows


def note_appended(count: int) -> None:
    """Count messages for the metrics once they are committed."""
    if APPENDED.store is not None:
        transaction.on_commit(lambda: APPENDED.add(count))


def _allocate(actor: Actor, thread_id: UUID, count: int, now: datetime) -> tuple[int, int]:
    """Take the next positions by one UPDATE, which locks the thread; return the last one and the active leaf."""
    changes = {
        "last_position": F("last_position") + count,
        "message_count": F("message_count") + count,
        "last_message_at": now,
        # A clock that went back must not make the thread sink in the list.
        "updated_at": Greatest("updated_at", Value(now)),
        "version": F("version") + 1,
    }
    threads = Thread.objects.visible_to(actor).active().filter(pk=thread_id)
    rows = threads.update_returning(changes, "last_position", "active_leaf")
    if not rows:
        raise NotFound
    last, leaf = rows[0]
    assert last is not None
    return last, last - count if leaf is None else leaf


class _Placer:
    """Gives messages their positions and parents."""

    def __init__(self, thread_id: UUID, organization_id: UUID, *, leaf: int) -> None:
        self._thread_id = thread_id
        self._organization_id = organization_id
        self._leaf = leaf
        self._positions: dict[UUID, int] = {}
        self.has_branched = False

    def place(self, messages: Sequence[dict[str, Any]], *, first: int, now: datetime) -> list[Message]:
        self._positions = self._known_positions(messages)
        return [self._row(index, first + index, dict(fields), now) for index, fields in enumerate(messages)]

    def _known_positions(self, messages: Sequence[dict[str, Any]]) -> dict[UUID, int]:
        named = {fields["parent_id"] for fields in messages if fields.get("parent_id") is not None}
        if not named:
            return {}
        rows = Message.objects.filter(organization_id=self._organization_id, thread_id=self._thread_id, id__in=named)
        return dict(rows.active().values_list("id", "position"))

    def _row(self, index: int, position: int, fields: dict[str, Any], now: datetime) -> Message:
        parent = self._parent(index, fields)
        self._leaf = position
        parent_position = stored_parent(position, parent)
        self.has_branched |= parent_position is not None
        row = Message(
            organization_id=self._organization_id,
            thread_id=self._thread_id,
            position=position,
            parent_position=parent_position,
            **{"created_at": now, **fields},
        )
        self._positions[row.pk] = position
        return row

    def _parent(self, index: int, fields: dict[str, Any]) -> int:
        if "parent_id" not in fields:
            return self._leaf
        parent_id = fields.pop("parent_id")
        if parent_id is None:
            return ROOT
        if parent_id not in self._positions:
            raise InvalidParent(index)
        return self._positions[parent_id]


def follow_branch(organization_id: UUID, thread_id: UUID, leaf: int) -> None:
    """Make the path to the last position the thread's active one; the thread must be locked."""
    path = open_path(path_to(leaf, jumps_of(organization_id, thread_id)))
    threads = Thread.objects.filter(organization_id=organization_id, pk=thread_id)
    threads.update(active_path=path, active_leaf=None)


def jumps_of(organization_id: UUID, thread_id: UUID) -> list[tuple[int, int]]:
    """Return position and explicit parent of the messages that have one; served by a small partial index."""
    jumps = Message.objects.filter(organization_id=organization_id, thread_id=thread_id).jumps()
    return [(place, parent) for place, parent in jumps.values_list("position", "parent_position") if parent is not None]


def index_messages(rows: Sequence[Message]) -> None:
    """Put messages with content into the search index."""
    index_documents([Document(row.pk, row.thread_id, row.organization_id, row.content) for row in rows if row.content])
