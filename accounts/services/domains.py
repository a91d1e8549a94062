"""Domains: created, changed, trashed, restored; and which one a new row belongs to."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Domain, Instance, InstanceAgent, Invitation, Membership
from accounts.services.locking import hold_organization
from accounts.services.slugs import free_slug
from core.access import Actor
from core.changes import lock_row, save_changes
from core.errors import Conflict, DomainError
from core.preconditions import ANY_VERSION, Precondition
from ledger.services import change_of, record, subject_of


class UnknownDomain(DomainError):
    """The body names a domain that is not there, not visible, or none although the actor is narrowed to one."""

    def __init__(self) -> None:
        super().__init__("See errors for the reason.", errors={"domain_id": ["There is no such domain."]})


class DomainConflict(Conflict):
    """The slug or the id belongs to another domain."""

    code = "domain_exists"


class DomainInUse(Conflict):
    """Something that is not in the trash belongs to the domain."""

    code = "domain_in_use"


def domain_for(actor: Actor, domain_id: UUID | None) -> UUID | None:
    """Return where a row of the actor belongs: the named domain, else the one the actor is narrowed to.

    Raises `UnknownDomain`.
    """
    if domain_id is None:
        return actor.domain_id
    if not Domain.objects.visible_to(actor).active().filter(pk=domain_id).exists():
        raise UnknownDomain
    return domain_id


def hold_domain(actor: Actor, domain_id: UUID) -> None:
    """Keep a domain out of the trash until the end of the transaction. Raises `UnknownDomain`."""
    rows = Domain.objects.visible_to(actor).active().filter(pk=domain_id)
    if not rows.select_for_update(of=("self",)).exists():
        raise UnknownDomain


def place_in_domain(actor: Actor, domain_id: UUID | None) -> UUID | None:
    """Like `domain_for`, and keep the domain out of the trash until the end of the transaction."""
    found = domain_for(actor, domain_id)
    if found is not None:
        hold_domain(actor, found)
    return found


@transaction.atomic
def create_domain(*, actor: Actor, fields: dict[str, Any], now: datetime | None = None) -> Domain:
    """Create a domain; without a slug one is made from the name. Raises `DomainConflict`."""
    moment = now or timezone.now()
    taken = Domain.objects.filter(organization_id=actor.organization_id).active()
    values = {**fields, "slug": fields.get("slug") or free_slug(taken, fields["name"], fallback="domain")}
    domain = Domain(organization_id=actor.organization_id, created_at=moment, updated_at=moment, **values)
    try:
        with transaction.atomic():
            domain.save(force_insert=True)
    except IntegrityError:
        raise DomainConflict("A domain with this slug or id is there already.") from None
    record(actor=actor, action="domain.created", subject=subject_of(domain), after=values, now=moment)
    return domain


@transaction.atomic
def update_domain(
    *,
    actor: Actor,
    domain_id: UUID,
    changes: dict[str, Any],
    precondition: Precondition = ANY_VERSION,
    now: datetime | None = None,
) -> Domain:
    """Change a domain. Raises `NotFound`, `VersionMismatch`, `DomainConflict`."""
    moment = now or timezone.now()
    domain = lock_row(Domain.objects.visible_to(actor).active(), domain_id, precondition)
    before, after = change_of(domain, changes)
    try:
        with transaction.atomic():
            save_changes(domain, changes, now=moment)
    except IntegrityError:
        raise DomainConflict("Another domain has this slug.") from None
    record(actor=actor, action="domain.updated", subject=subject_of(domain), before=before, after=after, now=moment)
    return domain


@transaction.atomic
def trash_domain(
    *, actor: Actor, domain_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> None:
    """Move a domain to the trash. Raises `NotFound`, `VersionMismatch`, and `DomainInUse` while something is in it."""
    moment = now or timezone.now()
    # Who adds people or invites them holds the organization, too.
    hold_organization(actor.organization_id)
    domain = lock_row(Domain.objects.visible_to(actor).active(), domain_id, precondition)
    if uses := _uses_of(domain, moment):
        raise DomainInUse(f"It still has {', '.join(uses)}. Delete them or move them elsewhere first.")
    save_changes(domain, {"trashed_at": moment}, now=moment)
    record(actor=actor, action="domain.deleted", subject=subject_of(domain), now=moment)


@transaction.atomic
def restore_domain(
    *, actor: Actor, domain_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> Domain:
    """Bring a domain back from the trash. Raises `NotFound`, and `DomainConflict` when its slug was given away."""
    moment = now or timezone.now()
    domain = lock_row(Domain.objects.visible_to(actor).in_trash(), domain_id, precondition)
    try:
        with transaction.atomic():
            save_changes(domain, {"trashed_at": None}, now=moment)
    except IntegrityError:
        raise DomainConflict("Another domain has taken the slug; rename that one first.") from None
    record(actor=actor, action="domain.restored", subject=subject_of(domain), now=moment)
    return domain


def _uses_of(domain: Domain, now: datetime) -> list[str]:
    """What lies in the domain, counted: `2 instances`, `1 agent`."""
    place = {"organization_id": domain.organization_id, "domain_id": domain.pk}
    agents: Any = InstanceAgent._meta.get_field("agent").related_model
    counts = {
        "instance": Instance.objects.filter(**place).active().count(),
        "agent": agents._default_manager.filter(**place).active().count(),
        "membership": Membership.objects.filter(**place).count(),
        "open invitation": Invitation.objects.filter(**place).open_at(now).count(),
    }
    return [f"{count} {noun}{'' if count == 1 else 's'}" for noun, count in counts.items() if count]
