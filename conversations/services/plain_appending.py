"""Appending to the end of a thread: by one statement on PostgreSQL, by five in a transaction on SQLite.

It is what nearly every append is. A message with a parent of its own, a thread that shows another branch than its
last, and an actor who is narrowed to a domain take the way of `conversations.services.appending`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from conversations.models import Message
from conversations.search import insert_by_sqlite, joined
from conversations.services.append_statements import (
    DOCUMENTS,
    GIVEN,
    POSTGRESQL_MANY,
    POSTGRESQL_ONE,
    SQLITE_INSERT,
    SQLITE_PARENT,
    SQLITE_TAKE,
)
from conversations.services.appending import MessageExists, note_appended
from core.access import Actor
from core.fast.statements import connection_of
from core.fields import StoredJSONEncoder
from core.ids import uuid7

_DEFAULTS: dict[str, Any] = {
    name: str(field.default)
    for name, field in ((name, Message._meta.get_field(name)) for name in GIVEN)
    if isinstance(field, models.Field) and field.has_default() and not callable(field.default)
}
_ENCODER = StoredJSONEncoder()


class Appended(NamedTuple):
    """Messages as they were stored: by column, in the driver's form, and the id of what the first one answers."""

    rows: list[dict[str, Any]]
    parent_id: str | None


def append_plainly(
    *, actor: Actor, thread_id: UUID, messages: Sequence[dict[str, Any]], now: datetime | None = None
) -> Appended | None:
    """Append messages without parents of their own; None when the thread or the actor needs the long way.

    Raises `MessageExists`. Nothing is written in either case.
    """
    if actor.domain_id is not None:
        return None
    now = now or timezone.now()
    is_sqlite = connection_of().vendor == "sqlite"
    append = _append_to_sqlite if is_sqlite else _append_to_postgresql
    rows = [_row(fields, now, adapt=_sqlite_form if is_sqlite else _postgresql_form) for fields in messages]
    try:
        taken = append(actor.organization_id, thread_id, rows, now)
    except IntegrityError:
        raise MessageExists("Nothing was appended; send ids that are not in use.") from None
    if taken is None:
        return None
    last, parent_id = taken
    note_appended(len(rows))
    own = str(thread_id) if not is_sqlite else thread_id.hex
    for position, row in enumerate(rows, last - len(rows) + 1):
        row |= {"thread_id": own, "position": position, "parent_position": None, "version": 1}
    return Appended(rows, parent_id)


def _row(fields: dict[str, Any], now: datetime, *, adapt: Any) -> dict[str, Any]:
    """The given columns in the driver's form; JSON as the text that is stored."""
    row = dict.fromkeys(GIVEN) | _DEFAULTS | fields
    row["id"] = adapt(row["id"] or uuid7())
    row["created_at"] = adapt(row["created_at"] or now)
    for name in DOCUMENTS & fields.keys():
        row[name] = _document(row[name])
    return row


def _document(value: Any) -> str | None:
    """The text of a JSON column: null as JSON's where it was given so, which serializers tell by `Value`."""
    if isinstance(value, models.Value):
        return "null"
    return None if value is None else _ENCODER.encode(value)


def _sqlite_form(value: UUID | datetime) -> str:
    return value.hex if isinstance(value, UUID) else str(value.astimezone(UTC).replace(tzinfo=None))


def _postgresql_form(value: UUID | datetime) -> str:
    return str(value) if isinstance(value, UUID) else f"{value.astimezone(UTC).replace(tzinfo=None)}+00"


Taken = tuple[int, str | None]


def _append_to_sqlite(
    organization_id: UUID, thread_id: UUID, rows: list[dict[str, Any]], now: datetime
) -> Taken | None:
    thread, organization, moment = thread_id.hex, organization_id.hex, _sqlite_form(now)
    with connection_of().short_transaction():
        taken = SQLITE_TAKE.rows((len(rows), len(rows), moment, moment, thread, organization))
        if not taken:
            return None
        last: int = taken[0][0]
        first = last - len(rows) + 1
        parent = SQLITE_PARENT.rows((thread, organization, first - 1))
        given = map(itemgetter(*GIVEN), rows)
        SQLITE_INSERT.many([(*values, thread, organization, at) for at, values in enumerate(given, first)])
        insert_by_sqlite([(row["id"], thread, organization, row["content"]) for row in rows if row["content"]])
    return last, parent[0][0] if parent else None


def _append_to_postgresql(
    organization_id: UUID, thread_id: UUID, rows: list[dict[str, Any]], now: datetime
) -> Taken | None:
    count = len(rows)
    take = (count, count, now, now, thread_id, organization_id)
    with _own_savepoint():
        if count == 1:
            given = tuple(rows[0][name] for name in GIVEN)
            taken = POSTGRESQL_ONE.rows((*given, joined(rows[0]["content"]), *take, organization_id))
        else:
            listed = [{**row, "words": joined(row["content"]), "number": at} for at, row in enumerate(rows, 1)]
            taken = POSTGRESQL_MANY.rows((json.dumps(listed, ensure_ascii=False), *take, count, organization_id, count))
    return (taken[0][0], taken[0][1]) if taken else None


def _own_savepoint() -> AbstractContextManager[Any]:
    """One statement is a transaction by itself; inside of one, its failure must leave the rest whole."""
    return transaction.atomic() if connection_of().in_atomic_block else nullcontext()
