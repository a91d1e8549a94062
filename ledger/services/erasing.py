"""Erasing the audit trail of an organization as a whole, and leaving a trace of it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ledger.models import AuditChain, AuditEntry, ChainErasure
from ledger.services.chains import FIRST_HASH

BATCH = 1000
"""Entries that one transaction erases at most."""


def erase_chain(*, organization_id: UUID, now: datetime | None = None) -> int:
    """Erase every entry of an organization, in bounded batches, and return how many went.

    A `ChainErasure` with the length and the last hash is written first, also for a chain that never began; from then
    on the chain takes no entry any more. Interrupted, it is called again and goes on where it stopped.
    """
    _write_erasure(organization_id, now or timezone.now())
    erased = 0
    while count := _erase_batch(organization_id):
        erased += count
    return erased


@transaction.atomic
def _write_erasure(organization_id: UUID, now: datetime) -> None:
    chain = AuditChain.objects.filter(organization_id=organization_id)
    end = chain.select_for_update().first()
    if ChainErasure.objects.filter(organization_id=organization_id).exists():
        return
    ChainErasure.objects.create(
        organization_id=organization_id,
        entries=end.last_sequence if end else 0,
        last_hash=end.last_hash if end else FIRST_HASH,
        erased_at=now,
    )
    chain.delete()


@transaction.atomic
def _erase_batch(organization_id: UUID) -> int:
    entries = AuditEntry.objects.filter(organization_id=organization_id)
    ids = list(entries.order_by("sequence").values_list("pk", flat=True)[:BATCH])
    return entries.filter(pk__in=ids).erase() if ids else 0
