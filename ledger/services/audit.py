"""Adding an entry to the audit trail, inside the transaction of the change it tells about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone

from core.access import Actor
from core.logs import client_address, request_id
from ledger.models import AuditEntry
from ledger.services.chains import append_entry, as_json, storable

MAX_LABEL = 255


class Subject(NamedTuple):
    """What an act was done to."""

    type: str
    id: UUID | None
    label: str = ""


class Change(NamedTuple):
    """What fields held and what they hold from now on."""

    before: dict[str, Any]
    after: dict[str, Any]


NO_SUBJECT = Subject("", None)


def subject_of(row: models.Model, *, label: str | None = None) -> Subject:
    """Return a row as the subject of an act: `api_key`, its id, and its text unless another label is given.

    The entry outlives the row: where the text of a row is what people wrote in confidence, give `label=""`.
    """
    words = str(row._meta.verbose_name).lower().replace(" ", "_")
    return Subject(words, cast("UUID", row.pk), str(row)[:MAX_LABEL] if label is None else label)


def change_of(row: models.Model, values: Mapping[str, Any]) -> Change:
    """Return those of the new values that differ from the row's, before and after; call it before they are set."""
    after = {name: value for name, value in values.items() if as_json(getattr(row, name)) != as_json(value)}
    return Change({name: getattr(row, name) for name in after}, after)


@transaction.atomic
def record(
    *,
    actor: Actor,
    action: str,
    subject: Subject,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    now: datetime | None = None,
) -> AuditEntry:
    """Add an entry to the chain of the actor's organization and return it.

    `before` and `after` hold the changed fields only, never a secret. Call it last in a transaction: it holds the
    chain of the organization until the commit, and other changes of the organization wait for it.
    """
    return record_for(
        organization_id=actor.organization_id,
        kind=actor.kind,
        actor_id=actor.key_id or actor.user_id,
        label=actor.label,
        action=action,
        subject=subject,
        before=before,
        after=after,
        reason=reason,
        now=now,
    )


def record_for(
    *,
    organization_id: UUID,
    kind: str,
    actor_id: UUID | None,
    label: str,
    action: str,
    subject: Subject = NO_SUBJECT,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    now: datetime | None = None,
) -> AuditEntry:
    """Add an entry about somebody who is no `Actor`: a key that was refused, a person who logs in."""
    entry = AuditEntry(
        organization_id=organization_id,
        action=action,
        actor_kind=kind,
        actor_id=actor_id,
        actor_label=storable(label)[:MAX_LABEL],
        subject_type=subject.type,
        subject_id=subject.id,
        subject_label=storable(subject.label)[:MAX_LABEL],
        before=None if before is None else as_json(before),
        after=None if after is None else as_json(after),
        reason=storable(reason),
        request_id="" if request_id.get() == "-" else request_id.get(),
        address=client_address.get(),
        created_at=now or timezone.now(),
    )
    return append_entry(entry)
