"""An organization's own prices."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.access import Actor
from core.changes import lock_row, save_changes
from core.errors import Conflict
from core.preconditions import ANY_VERSION, Precondition
from ledger.models import PriceOverride
from ledger.models.prices import PRICES
from ledger.services.audit import change_of, record, subject_of

AUDITED = ("provider", "model", *PRICES, "valid_from")


class PriceConflict(Conflict):
    """There is another price of this model from the same moment on."""

    code = "price_exists"


def create_price_override(*, actor: Actor, fields: dict[str, Any], now: datetime | None = None) -> PriceOverride:
    """Set the price of a model; records that are there keep their cost. Raises `PriceConflict`."""
    moment = now or timezone.now()
    values = {**fields, "valid_from": fields.get("valid_from") or moment}
    row = PriceOverride(organization_id=actor.organization_id, created_at=moment, updated_at=moment, **values)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            after = {name: getattr(row, name) for name in AUDITED}
            record(actor=actor, action="price_override.created", subject=subject_of(row), after=after, now=moment)
    except IntegrityError:
        raise PriceConflict("This model has a price from this moment on already.") from None
    return row


def update_price_override(
    *,
    actor: Actor,
    price_id: UUID,
    changes: dict[str, Any],
    precondition: Precondition = ANY_VERSION,
    now: datetime | None = None,
) -> PriceOverride:
    """Change a price for what is recorded from now on. Raises `NotFound`, `VersionMismatch`, `PriceConflict`."""
    moment = now or timezone.now()
    try:
        with transaction.atomic():
            row = lock_row(PriceOverride.objects.visible_to(actor), price_id, precondition)
            change = change_of(row, changes)
            save_changes(row, changes, now=moment)
            subject = subject_of(row)
            record(actor=actor, action="price_override.updated", subject=subject, **change._asdict(), now=moment)
    except IntegrityError:
        raise PriceConflict("This model has another price from this moment on.") from None
    return row


@transaction.atomic
def delete_price_override(
    *, actor: Actor, price_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> None:
    """Delete a price; records that are there keep their cost. Raises `NotFound` and `VersionMismatch`."""
    row = lock_row(PriceOverride.objects.visible_to(actor), price_id, precondition)
    subject, before = subject_of(row), {name: getattr(row, name) for name in AUDITED}
    row.delete()
    record(actor=actor, action="price_override.deleted", subject=subject, before=before, now=now or timezone.now())
