"""Moving the secrets of integrations under the first key, while everybody goes on working."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from django.views.decorators.debug import sensitive_variables

from accounts.actors import SystemActor
from agents_app.models import IntegrationConfig
from core.retries import unit_of_work
from core.secrets import UnreadableSecrets, known_key_ids, seal
from ledger.services import Subject, record

BATCH = 100
"""Rows that one transaction locks at most."""


@dataclass(slots=True)
class Rotated:
    """What became of some rows, counted by the id of the key they were under."""

    moved: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)

    def add(self, other: Rotated) -> None:
        self.moved.update(other.moved)
        self.unreadable.update(other.unreadable)


def count_by_key(*, organization_id: UUID) -> Counter[str]:
    """Return how many rows have secrets under which key, those in the trash included."""
    rows = IntegrationConfig.objects.filter(organization_id=organization_id).exclude(secrets="")
    return Counter(rows.values_list("secrets_key_id", flat=True))


def rotate_secrets(*, organization_id: UUID) -> Iterator[Rotated]:
    """Encrypt an organization's secrets anew where another key than the first did, yielding what each batch did.

    A row is locked while it is read and written again, so that a change of it comes wholly before or after. What was
    done stays done when it is interrupted. A row whose key is not there stays as it is and is counted as unreadable.
    """
    last: UUID | None = None
    while batch := _batch_after(organization_id, last):
        yield _rotate(organization_id, batch)
        last = batch[-1]


def _batch_after(organization_id: UUID, last: UUID | None) -> list[UUID]:
    rows = IntegrationConfig.objects.filter(organization_id=organization_id).not_under(known_key_ids()[0])
    if last is not None:
        rows = rows.filter(pk__gt=last)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])


@unit_of_work
@sensitive_variables()
def _rotate(organization_id: UUID, ids: list[UUID]) -> Rotated:
    done = Rotated()
    first = known_key_ids()[0]
    own = IntegrationConfig.objects.filter(organization_id=organization_id)
    for row in own.not_under(first).filter(pk__in=ids).select_for_update(of=("self",)).order_by("pk"):
        try:
            sealed = seal(row.open_secrets(), owner=row.pk)
        except UnreadableSecrets:
            done.unreadable[row.secrets_key_id] += 1
            continue
        own.filter(pk=row.pk).update(secrets=sealed.text, secrets_key_id=sealed.key_id)
        done.moved[row.secrets_key_id] += 1
    if done.moved:
        after = {"key": first, "integrations": done.moved.total(), "from_keys": sorted(done.moved)}
        subject = Subject("organization", organization_id)
        record(actor=SystemActor(organization_id), action="secrets.rotated", subject=subject, after=after)
    return done
