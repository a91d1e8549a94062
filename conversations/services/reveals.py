"""Revealing what was said in a thread to a platform administrator who is no member of its organization."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import Organization
from conversations.models import Thread
from core.access import Actor
from core.errors import DomainError, NotFound
from core.json_gate import RefusedJSON, check_value
from ledger.services import record, subject_of

REVEALED_FOR = timedelta(minutes=30)
MIN_REASON, MAX_REASON = 5, 500
"""Characters of a reason."""

FOR_PLATFORM_ADMINISTRATORS = "organization.create"
"""No role and no key of an organization holds this permission."""


class RevealRefused(DomainError):
    """The actor is no platform administrator, or the organization keeps its conversations closed."""

    status = 403
    code = "reveal_refused"
    title = "The conversation cannot be revealed."


class InvalidReason(DomainError):
    """The reason is too short, too long, or cannot be stored."""

    title = "The reason cannot be used."


@transaction.atomic
def reveal_content(*, actor: Actor, thread_id: UUID, reason: str, now: datetime | None = None) -> datetime:
    """Write into the audit trail that a thread is revealed and why; return when it is hidden again.

    Raises `NotFound`, `RevealRefused`, `InvalidReason`.
    """
    moment = now or timezone.now()
    thread = Thread.objects.visible_to(actor).select_related("organization").filter(pk=thread_id).first()
    if thread is None:
        raise NotFound
    if not actor.can(FOR_PLATFORM_ADMINISTRATORS):
        raise RevealRefused("Only platform administrators reveal; members read as far as their role allows.")
    if thread.organization.content_access == Organization.ContentAccess.CLOSED:
        raise RevealRefused("The organization keeps its conversations closed.")
    given = _checked(reason)
    record(actor=actor, action="content.revealed", subject=subject_of(thread, label=""), reason=given, now=moment)
    return moment + REVEALED_FOR


def _checked(reason: str) -> str:
    given = reason.strip()
    if not MIN_REASON <= len(given) <= MAX_REASON:
        raise InvalidReason(f"Give a reason of {MIN_REASON} to {MAX_REASON} characters.")
    try:
        check_value(given)
    except RefusedJSON as error:
        raise InvalidReason(error.message) from None
    return given
