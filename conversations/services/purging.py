"""Erasing for good: in bounded batches, leaving tombstones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from accounts.actors import SystemActor
from conversations.models import Feedback, Message, Thread, Tombstone
from conversations.search import remove_documents
from core.retries import unit_of_work
from ledger.services import NO_SUBJECT, record

BLANK = dict.fromkeys(("content", "parts", "artifact_data", "metadata", "usage", "external_id"))

BATCH = 1000
"""Rows that one transaction erases at most."""


def purge_trash(*, organization_id: UUID, trashed_before: datetime, now: datetime | None = None) -> Counter[str]:
    """Erase what lay in the trash of an organization since before a moment; returns rows erased by table.

    The audit trail gets one entry with these numbers, also when the purge is interrupted.
    """
    batches = _purge_trash(organization_id, trashed_before, now or timezone.now())
    return _audited("trash.purged", organization_id, batches)


def purge_threads(*, organization_id: UUID, thread_ids: Sequence[UUID], now: datetime | None = None) -> Counter[str]:
    """Erase threads with all that hangs on them; each thread leaves a tombstone. Returns rows erased by table.

    The audit trail gets one entry with these numbers, also when the purge is interrupted.
    """
    batches = _purge_threads(organization_id, thread_ids, now or timezone.now())
    return _audited("thread.purged", organization_id, batches)


def erase_conversations(*, organization_id: UUID, now: datetime | None = None) -> Counter[str]:
    """Erase every thread of an organization that is being erased itself; returns rows erased by table."""
    ids = list(Thread.objects.filter(organization_id=organization_id).values_list("id", flat=True))
    erased: Counter[str] = Counter()
    for rows in _purge_threads(organization_id, ids, now or timezone.now()):
        erased.update(rows)
    return erased


def _audited(action: str, organization_id: UUID, batches: Iterator[Counter[str]]) -> Counter[str]:
    """Erase batch by batch, each in its own transaction, and write down the numbers."""
    erased: Counter[str] = Counter()
    try:
        for rows in batches:
            erased.update(rows)
    finally:
        if erased:
            record(actor=SystemActor(organization_id), action=action, subject=NO_SUBJECT, after={"erased": erased})
    return erased


def _purge_trash(organization_id: UUID, trashed_before: datetime, now: datetime) -> Iterator[Counter[str]]:
    threads = Thread.objects.filter(organization_id=organization_id).in_trash().filter(trashed_at__lt=trashed_before)
    yield from _purge_threads(organization_id, list(threads.values_list("id", flat=True)), now)
    while rows := _blank_messages(organization_id, trashed_before, now):
        yield rows
    while rows := _purge_feedback(organization_id, trashed_before):
        yield rows


def _purge_threads(organization_id: UUID, thread_ids: Sequence[UUID], now: datetime) -> Iterator[Counter[str]]:
    for thread_id in thread_ids:
        while rows := _purge_messages(organization_id, thread_id, now):
            yield rows
        yield _purge_thread(organization_id, thread_id, now)


@unit_of_work
def _purge_messages(organization_id: UUID, thread_id: UUID, now: datetime) -> Counter[str]:
    """Erase one batch, the last positions first, so that an interrupted purge leaves no message without parent."""
    messages = Message.objects.filter(organization_id=organization_id, thread_id=thread_id)
    ids = list(messages.order_by("-position").values_list("id", flat=True)[:BATCH])
    if not ids:
        return Counter()
    remove_documents(ids, organization_id=organization_id)
    _bury(organization_id, ids, Tombstone.Kind.MESSAGE, now)
    return Counter(messages.filter(id__in=ids).delete()[1])


@unit_of_work
def _blank_messages(organization_id: UUID, trashed_before: datetime, now: datetime) -> Counter[str]:
    """Erase what single messages said. Their rows stay without content: the branches of a thread run over them."""
    messages = Message.objects.filter(
        organization_id=organization_id, trashed_at__lt=trashed_before, purged_at=None, thread__trashed_at=None
    )
    ids = list(messages.values_list("id", flat=True)[:BATCH])
    if not ids:
        return Counter()
    Message.objects.filter(organization_id=organization_id, id__in=ids).update(purged_at=now, **BLANK)
    feedback = Feedback.objects.filter(organization_id=organization_id, message_id__in=ids).delete()[1]
    _bury(organization_id, ids, Tombstone.Kind.MESSAGE, now)
    return Counter({Message._meta.label: len(ids), **feedback})


@unit_of_work
def _purge_thread(organization_id: UUID, thread_id: UUID, now: datetime) -> Counter[str]:
    remove_documents([thread_id], organization_id=organization_id)
    erased = Thread.objects.filter(organization_id=organization_id, pk=thread_id).delete()[1]
    if erased:
        _bury(organization_id, [thread_id], Tombstone.Kind.THREAD, now)
    return Counter(erased)


@unit_of_work
def _purge_feedback(organization_id: UUID, trashed_before: datetime) -> Counter[str]:
    feedback = Feedback.objects.filter(organization_id=organization_id, trashed_at__lt=trashed_before)
    ids = list(feedback.values_list("id", flat=True)[:BATCH])
    return (
        Counter(Feedback.objects.filter(organization_id=organization_id, id__in=ids).delete()[1]) if ids else Counter()
    )


def _bury(organization_id: UUID, ids: Sequence[UUID], kind: str, now: datetime) -> None:
    Tombstone.objects.bulk_create(
        [Tombstone(organization_id=organization_id, kind=kind, object_id=each, purged_at=now) for each in ids],
        ignore_conflicts=True,
    )
