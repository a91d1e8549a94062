"""Erasing an organization or a person, and telling table by table what went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import models, transaction

from accounts.actors import SystemActor
from accounts.models import Membership, Organization, User
from conversations.services import erase_conversations
from core.retries import unit_of_work
from ledger.models import PLATFORM, AuditEntry
from ledger.services import Subject, erase_chain, record

BATCH = 1000
"""Rows that one transaction erases at most."""


def owned_models() -> list[type[models.Model]]:
    """Every table with rows of organizations, those included that hold rows of nobody besides, such as roles.

    A new one joins by itself.
    """
    return [model for model in apps.get_models() if _is_owned(model)]


def _is_owned(model: type[models.Model]) -> bool:
    return any(field.name == "organization" and field.is_relation for field in model._meta.concrete_fields)


def count_organization(organization: Organization) -> Counter[str]:
    """Return how many rows of each table `erase_organization` would erase."""
    counts = {model._meta.label: _rows(model, organization.pk).count() for model in owned_models()}
    counts[AuditEntry._meta.label] = AuditEntry.objects.filter(organization_id=organization.pk).count()
    return Counter({label: count for label, count in counts.items() if count}) + Counter({Organization._meta.label: 1})


def erase_organization(organization: Organization) -> Counter[str]:
    """Erase an organization with everything that belongs to it, in bounded batches.

    Nobody of it gets in from the first moment on. Interrupted, it is run again and goes on where it stopped. People
    who belong to other organizations too, or to none, stay. Of the audit trail the `ChainErasure` stays, and an entry
    `organization.erased` in the chain of the platform.
    """
    _suspend(organization)
    erased = erase_conversations(organization_id=organization.pk)
    for model in _children_first(owned_models()):
        while count := _erase_batch(model, organization.pk):
            erased[model._meta.label] += count
    erased[AuditEntry._meta.label] += erase_chain(organization_id=organization.pk)
    return +(erased + _erase_itself(organization, erased))


@transaction.atomic
def _erase_itself(organization: Organization, others: Counter[str]) -> Counter[str]:
    subject = Subject("organization", organization.pk, organization.slug)
    erased = Counter(organization.delete()[1])
    record(
        actor=SystemActor(PLATFORM),
        action="organization.erased",
        subject=subject,
        after={"erased": +(others + erased)},
    )
    return erased


def erase_user(user: User) -> Counter[str]:
    """Erase a person: the log-in, the memberships, and the name at what they made, which stays with its organization.

    A column that is emptied counts under `table.column`. Entries of the audit trail keep naming the person; each
    organization of the person gets an entry `user.erased`, the platform's chain when there is none.
    """
    subject = Subject("user", user.pk, user.get_username())
    organizations = Membership.objects.filter(user=user).order_by("organization_id")
    chains = list(organizations.values_list("organization_id", flat=True)) or [PLATFORM]
    with transaction.atomic():
        emptied = Counter({name: rows.update(**{column: None}) for name, rows, column in _mentions(user)})
        erased = +(emptied + Counter(user.delete()[1]))
        for each in chains:
            record(actor=SystemActor(each), action="user.erased", subject=subject)
    return erased


@transaction.atomic
def _suspend(organization: Organization) -> None:
    Organization.objects.filter(pk=organization.pk, suspended_at=None).update(
        suspended_at=models.functions.Now(), updated_at=models.functions.Now()
    )


@unit_of_work
def _erase_batch(model: type[models.Model], organization_id: UUID) -> int:
    ids = list(_rows(model, organization_id).values_list("pk", flat=True)[:BATCH])
    return _rows(model, organization_id).filter(pk__in=ids).delete()[0] if ids else 0


def _rows(model: type[models.Model], organization_id: UUID) -> Any:
    return model._default_manager.filter(organization_id=organization_id)


def _children_first(tables: Iterable[type[models.Model]]) -> list[type[models.Model]]:
    """Order tables so that one comes before those it points at."""
    return sorted(tables, key=lambda model: -_depth(model))


def _depth(model: type[models.Model]) -> int:
    parents = {
        field.related_model
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey)
        and isinstance(field.related_model, type)
        and _is_owned(field.related_model)
        and field.related_model is not model
    }
    return 1 + max((_depth(parent) for parent in parents), default=0)


def _mentions(user: User) -> Iterable[tuple[str, Any, str]]:
    """Columns that may name the person and can be empty."""
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, models.ForeignKey) and field.related_model is User and field.null:
                rows = model._default_manager.filter(**{field.name: user.pk})
                yield f"{model._meta.label}.{field.name}", rows, field.name
