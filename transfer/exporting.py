"""Threads as JSONL and as CSV, a piece at a time: a file of any size is written from bounded memory.

JSONL keeps everything: a line is a thread with all its messages, whatever branch they are on, in order of position. A
JSON member that was never given is missing, one that was given as null is null. CSV is for spreadsheets: a row is a
message, and no cell starts a formula. What lies in the trash inside a thread was deleted and is not exported.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from conversations.branches import parent_of
from conversations.models import Feedback, Message, Thread
from core.access import Actor
from core.renderers import dump_response
from core.spreadsheets import csv_lines
from ledger.services import NO_SUBJECT, record

FORMAT_VERSION = 1

THREADS_AT_ONCE = 100
MESSAGES_AT_ONCE = 25
"""A message may have ten megabytes, so that few are held at a time."""

THREAD_FIELDS = (
    *("id", "title", "agent_type", "model", "provider", "status", "metadata", "external_id", "created_by_id"),
    *("last_position", "message_count", "last_message_at", "active_leaf", "version"),
    *("archived_at", "trashed_at", "created_at", "updated_at"),
)
MESSAGE_FIELDS = (
    *("id", "position", "role", "content", "external_id", "status", "provider", "model", "finish_reason"),
    *("created_at", "version"),
)
MESSAGE_JSON = ("parts", "artifact_data", "metadata", "usage")
FEEDBACK_FIELDS = ("id", "rating", "comment", "created_by_id", "version", "created_at", "updated_at")

CSV_COLUMNS = (
    *("organization", "thread_id", "thread_title", "position", "parent_position", "message_id", "role", "created_at"),
    *("provider", "model", "status", "finish_reason", "content", *MESSAGE_JSON),
)

MAX_NAMED_THREADS = 100
"""Ids of exported threads that an entry of the audit trail names; it counts all of them."""


@transaction.atomic
def record_export(threads: QuerySet[Thread], *, acting_in: Callable[[UUID], Actor], format_name: str) -> None:
    """Write into the chain of each organization how many and which of its threads are exported; call it before.

    `acting_in` gives the person who exports as an actor of an organization.
    """
    found: defaultdict[UUID, list[UUID]] = defaultdict(list)
    counts: Counter[UUID] = Counter()
    places = threads.order_by("organization_id", "id").values_list("organization_id", "id")
    for organization_id, thread_id in places.iterator():
        counts[organization_id] += 1
        if counts[organization_id] <= MAX_NAMED_THREADS:
            found[organization_id].append(thread_id)
    for organization_id, ids in found.items():
        after = {"count": counts[organization_id], "format": format_name, "thread_ids": ids}
        record(actor=acting_in(organization_id), action="threads.exported", subject=NO_SUBJECT, after=after)


def export_jsonl(threads: QuerySet[Thread]) -> Iterator[bytes]:
    """Yield the lines of the threads, by id, in pieces.

    A line is `{"parley": 1, "id": …, …, "messages": [{"id": …, "position": …, "parent_position": …, …}]}`. The
    `parent_position` of a message is 0 where it answers none.
    """
    for thread in _in_portions(threads):
        head = dump_response({"parley": FORMAT_VERSION, **_thread_data(thread)})
        yield head[:-1] + b',"messages":['
        separator = b""
        for portion in _messages(thread):
            yield separator + b",".join(dump_response(message) for message in portion)
            separator = b","
        yield b"]}\n"


def export_csv(threads: QuerySet[Thread]) -> Iterator[bytes]:
    """Yield a head line and a line for each message, in UTF-8, in pieces."""
    yield csv_lines([CSV_COLUMNS])
    for thread in _in_portions(threads):
        for portion in _messages(thread):
            yield csv_lines(_csv_row(thread, message) for message in portion)


def _in_portions(threads: QuerySet[Thread]) -> Iterator[Thread]:
    """Yield the threads by id without holding them all, nor a cursor of the database."""
    threads = threads.order_by("id").select_related("organization", "agent")
    rows = list(threads[:THREADS_AT_ONCE])
    while rows:
        yield from rows
        rows = list(threads.filter(id__gt=rows[-1].pk)[:THREADS_AT_ONCE])


def _thread_data(thread: Thread) -> dict[str, Any]:
    agent = {"id": thread.agent.pk, "slug": thread.agent.slug, "name": thread.agent.name} if thread.agent else None
    own = {name: getattr(thread, name) for name in THREAD_FIELDS}
    return {"organization": thread.organization.slug, "agent": agent, **own}


def _messages(thread: Thread) -> Iterator[list[dict[str, Any]]]:
    """Yield the messages that the thread had when it was read, a portion at a time."""
    messages = Message.objects.of_thread(thread).active().in_order().filter(position__lte=thread.last_position)
    presence = {f"has_{name}": _is_given(name) for name in MESSAGE_JSON}
    rows = messages.annotate(**presence).values(*MESSAGE_FIELDS, "parent_position", *MESSAGE_JSON, *presence)
    portion = list(rows[:MESSAGES_AT_ONCE])
    while portion:
        feedback = _feedback(thread.organization_id, [row["id"] for row in portion])
        yield [_message_data(row, feedback.get(row["id"], [])) for row in portion]
        portion = list(rows.filter(position__gt=portion[-1]["position"])[:MESSAGES_AT_ONCE])


def _is_given(name: str) -> ExpressionWrapper[Q]:
    """Python reads both a missing JSON value and a JSON null as None; the column tells them apart."""
    return ExpressionWrapper(Q(**{f"{name}__isnull": False}), output_field=BooleanField())


def _message_data(row: dict[str, Any], feedback: list[dict[str, Any]]) -> dict[str, Any]:
    own = {name: row[name] for name in MESSAGE_FIELDS}
    given = {name: row[name] for name in MESSAGE_JSON if row[f"has_{name}"]}
    parent = parent_of(row["position"], row["parent_position"])
    return {**own, "parent_position": parent, **given, **({"feedback": feedback} if feedback else {})}


def _feedback(organization_id: UUID, message_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    rows = Feedback.objects.filter(organization_id=organization_id, message_id__in=message_ids).active()
    rows = rows.annotate(has_payload=_is_given("payload")).order_by("id")
    found: defaultdict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in rows.values(*FEEDBACK_FIELDS, "message_id", "payload", "has_payload"):
        own = {name: row[name] for name in FEEDBACK_FIELDS}
        found[row["message_id"]].append(own | ({"payload": row["payload"]} if row["has_payload"] else {}))
    return found


def _csv_row(thread: Thread, message: dict[str, Any]) -> list[Any]:
    data = {
        "organization": thread.organization.slug,
        "thread_id": thread.pk,
        "thread_title": thread.title,
        "message_id": message["id"],
        **{name: json.dumps(message[name], ensure_ascii=False) for name in MESSAGE_JSON if name in message},
    }
    return [{**message, **data}.get(name) for name in CSV_COLUMNS]
