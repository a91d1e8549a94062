"""Feedback on messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from conversations.models import Feedback, Message
from conversations.querysets import FeedbackQuerySet
from core.access import Actor
from core.changes import lock_row, save_changes
from core.errors import Conflict, NotFound
from core.preconditions import ANY_VERSION, Precondition
from ledger.services import record, subject_of


class FeedbackExists(Conflict):
    """The id belongs to another feedback."""

    code = "feedback_exists"


def create_feedback(*, actor: Actor, message_id: UUID, fields: dict[str, Any], now: datetime | None = None) -> Feedback:
    """Record feedback on a message. Raises `NotFound` for the message, `FeedbackExists` for the id."""
    moment = now or timezone.now()
    if not Message.objects.visible_to(actor).in_active_threads().filter(pk=message_id).exists():
        raise NotFound
    try:
        with transaction.atomic():
            return Feedback.objects.create(
                organization_id=actor.organization_id,
                message_id=message_id,
                created_by_id=actor.user_id,
                created_at=moment,
                updated_at=moment,
                **fields,
            )
    except IntegrityError:
        raise FeedbackExists("Send an id that is not in use.") from None


@transaction.atomic
def update_feedback(
    *,
    actor: Actor,
    feedback_id: UUID,
    changes: dict[str, Any],
    precondition: Precondition = ANY_VERSION,
    now: datetime | None = None,
) -> Feedback:
    """Change feedback. Raises `NotFound`, `VersionMismatch`."""
    feedback: Feedback = lock_row(_given_to(actor).active(), feedback_id, precondition)
    save_changes(feedback, changes, now=now or timezone.now())
    return feedback


@transaction.atomic
def trash_feedback(
    *, actor: Actor, feedback_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> None:
    """Move feedback to the trash. Raises `NotFound`, `VersionMismatch`."""
    moment = now or timezone.now()
    feedback: Feedback = lock_row(_given_to(actor).active(), feedback_id, precondition)
    save_changes(feedback, {"trashed_at": moment}, now=moment)
    record(actor=actor, action="feedback.deleted", subject=subject_of(feedback, label=""), now=moment)


@transaction.atomic
def restore_feedback(
    *, actor: Actor, feedback_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> Feedback:
    """Bring feedback back from the trash, where its message is not. Raises `NotFound`, `VersionMismatch`."""
    moment = now or timezone.now()
    feedback: Feedback = lock_row(_given_to(actor).in_trash(), feedback_id, precondition)
    save_changes(feedback, {"trashed_at": None}, now=moment)
    record(actor=actor, action="feedback.restored", subject=subject_of(feedback, label=""), now=moment)
    return feedback


def _given_to(actor: Actor) -> FeedbackQuerySet:
    return Feedback.objects.visible_to(actor).on_active_messages()
