"""Forgetting answers that nobody will ask for again."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts.models import IdempotencyRecord
from core.retries import unit_of_work

BATCH = 1000


def purge_idempotency_records(*, organization_id: UUID, made_before: datetime) -> int:
    """Delete an organization's kept answers made before a moment, in bounded batches; returns how many."""
    deleted = 0
    while count := _purge_batch(organization_id, made_before):
        deleted += count
    return deleted


@unit_of_work
def _purge_batch(organization_id: UUID, made_before: datetime) -> int:
    records = IdempotencyRecord.objects.filter(organization_id=organization_id)
    ids = list(records.made_before(made_before).values_list("id", flat=True)[:BATCH])
    return records.filter(id__in=ids).delete()[0] if ids else 0
