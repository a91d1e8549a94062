"""Single messages in and out of the trash."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from conversations.models import Message, Thread
from conversations.search import remove_documents
from conversations.services.appending import index_messages
from core.access import Actor
from core.changes import lock_row
from core.errors import NotFound
from core.preconditions import ANY_VERSION, Precondition
from ledger.services import record, subject_of


@transaction.atomic
def trash_message(
    *, actor: Actor, message_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> None:
    """Move a message to the trash; it keeps its position, and what answers it stays. Raises `NotFound`."""
    moment = now or timezone.now()
    message = _locked(actor, message_id, is_trashed=False, precondition=precondition)
    _set_trashed(message, moment)
    _count(message, -1, moment)
    remove_documents([message.pk], organization_id=message.organization_id)
    record(actor=actor, action="message.deleted", subject=subject_of(message, label=""), now=moment)


@transaction.atomic
def restore_message(
    *, actor: Actor, message_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> Message:
    """Bring a message back to its place. Raises `NotFound`, `VersionMismatch`."""
    moment = now or timezone.now()
    message = _locked(actor, message_id, is_trashed=True, precondition=precondition)
    _set_trashed(message, None)
    _count(message, +1, moment)
    index_messages([message])
    record(actor=actor, action="message.restored", subject=subject_of(message, label=""), now=moment)
    return message


def _locked(actor: Actor, message_id: UUID, *, is_trashed: bool, precondition: Precondition) -> Message:
    """Lock the thread before the message: appends take the locks in this order too."""
    thread_id = Message.objects.visible_to(actor).filter(pk=message_id).values_list("thread_id", flat=True).first()
    if thread_id is None:
        raise NotFound
    lock_row(Thread.objects.visible_to(actor).active(), thread_id, ANY_VERSION)
    messages = Message.objects.visible_to(actor)
    return lock_row(
        messages.in_trash().filter(purged_at=None) if is_trashed else messages.active(), message_id, precondition
    )


def _set_trashed(message: Message, moment: datetime | None) -> None:
    message.trashed_at = moment
    message.version += 1
    message.save(update_fields=["trashed_at", "version"])


def _count(message: Message, change: int, now: datetime) -> None:
    Thread.objects.filter(organization_id=message.organization_id, pk=message.thread_id).update(
        message_count=F("message_count") + change, updated_at=now, version=F("version") + 1
    )
