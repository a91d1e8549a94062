"""Filling the search index for rows that did not come through the services: `loaddata`, a copied database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model

from conversations.models import Message, Thread
from conversations.search import Document, index_documents, indexed_ids
from core.querysets import TenantQuerySet
from core.retries import unit_of_work

BATCH = 500

M = TypeVar("M", bound=Model)


def index_missing(*, organization_id: UUID) -> Iterator[int]:
    """Index what the index lacks of an organization, batch by batch, yielding how many documents each one added."""
    for thread_rows in _batches(Thread.objects.filter(organization_id=organization_id)):
        yield _add([(thread.pk, thread.pk, thread.title) for thread in thread_rows], organization_id)
    for message_rows in _batches(Message.objects.filter(organization_id=organization_id).active()):
        yield _add([(row.pk, row.thread_id, row.content) for row in message_rows], organization_id)


def _batches(rows: TenantQuerySet[M]) -> Iterator[list[M]]:
    last: Any = None
    while True:
        page = rows if last is None else rows.filter(pk__gt=last)
        batch = list(page.order_by("pk")[:BATCH])
        if not batch:
            return
        yield batch
        last = batch[-1].pk


@unit_of_work
def _add(texts: list[tuple[UUID, UUID, str | None]], organization_id: UUID) -> int:
    present = indexed_ids([pk for pk, _thread, _text in texts], organization_id=organization_id)
    missing = [
        Document(pk, thread_id, organization_id, text) for pk, thread_id, text in texts if text and pk not in present
    ]
    return index_documents(missing)
