"""Who belongs to an organization, as what, and where."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.actors import held
from accounts.models import ApiKey, Membership, Role, User
from accounts.roles import OWNER
from accounts.services.domains import domain_for
from accounts.services.locking import hold_organization
from accounts.services.roles import check_grant, role_for
from core.access import Actor
from core.changes import lock_row, save_changes
from core.errors import Conflict
from core.preconditions import ANY_VERSION, Precondition
from ledger.services import Subject, record, subject_of


class AlreadyMember(Conflict):
    """The person belongs to the organization already."""

    code = "already_member"


class LastOwner(Conflict):
    """Without this person nobody could do everything in the organization any more."""

    code = "last_owner"
    title = "An organization keeps an owner."

    def __init__(self) -> None:
        super().__init__("This is the last owner of the whole organization; make somebody else an owner first.")


@transaction.atomic
def add_membership(
    *, actor: Actor, user: User, role: str, domain_id: UUID | None = None, now: datetime | None = None
) -> Membership:
    """Add a person with the role of that slug. Raises `UnknownRole`, `UnknownDomain`, `GrantsTooMuch`, `AlreadyMember`.

    Nobody gives more than they hold themselves.
    """
    hold_organization(actor.organization_id)
    found = role_for(actor, role)
    domain_id = domain_for(actor, domain_id)
    check_grant(actor, _codes(found, domain_id))
    return join(actor=actor, user=user, role=found, domain_id=domain_id, now=now or timezone.now())


def join(*, actor: Actor, user: User, role: Role, domain_id: UUID | None, now: datetime) -> Membership:
    """Write the membership whatever the actor holds: whoever calls it has judged that. Raises `AlreadyMember`."""
    membership = Membership(
        organization_id=actor.organization_id, user=user, role=role, domain_id=domain_id, created_at=now, updated_at=now
    )
    try:
        with transaction.atomic():
            membership.save(force_insert=True)
    except IntegrityError:
        raise AlreadyMember(f"{user.get_username()} belongs to the organization already.") from None
    after = {"user_id": user.pk, "role": role.slug, "domain_id": domain_id}
    record(actor=actor, action="membership.created", subject=_subject(membership), after=after, now=now)
    return membership


@transaction.atomic
def update_membership(
    *,
    actor: Actor,
    membership_id: UUID,
    changes: dict[str, Any],
    precondition: Precondition = ANY_VERSION,
    now: datetime | None = None,
) -> Membership:
    """Change `role`, a slug, and `domain_id`; it holds from the person's next request on.

    Nobody gives more than they hold, nor changes somebody who holds more. Raises `NotFound`, `VersionMismatch`,
    `UnknownRole`, `UnknownDomain`, `GrantsTooMuch`, `LastOwner`.
    """
    moment = now or timezone.now()
    hold_organization(actor.organization_id)
    membership = lock_row(Membership.objects.visible_to(actor).select_related("role"), membership_id, precondition)
    old = {"role": membership.role.slug, "domain_id": membership.domain_id}
    role = role_for(actor, changes["role"]) if "role" in changes else membership.role
    domain_id = domain_for(actor, changes["domain_id"]) if "domain_id" in changes else membership.domain_id
    check_grant(actor, _codes(membership.role, membership.domain_id) | _codes(role, domain_id))
    if not _is_owner(role, domain_id):
        _keep_an_owner(membership)
    save_changes(membership, {"role": role, "domain_id": domain_id}, now=moment)
    new = {"role": role.slug, "domain_id": domain_id}
    changed = [name for name in old if old[name] != new[name]]
    record(
        actor=actor,
        action="membership.updated",
        subject=_subject(membership),
        before={name: old[name] for name in changed},
        after={name: new[name] for name in changed},
        now=moment,
    )
    return membership


@transaction.atomic
def remove_membership(
    *, actor: Actor, membership_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> None:
    """Remove a person; their sessions and personal keys open nothing here from their next request on.

    The keys are revoked, so that they stay shut when the person joins again. Everybody may leave; others are removed
    by somebody who holds what they hold. Raises `NotFound`, `VersionMismatch`, `GrantsTooMuch`, `LastOwner`.
    """
    moment = now or timezone.now()
    hold_organization(actor.organization_id)
    membership = lock_row(reachable_by(actor).select_related("role"), membership_id, precondition)
    if not _is_own(actor, membership):
        check_grant(actor, _codes(membership.role, membership.domain_id))
    _keep_an_owner(membership)
    _revoke_personal_keys(actor, membership, moment)
    before = {"user_id": membership.user_id, "role": membership.role.slug, "domain_id": membership.domain_id}
    subject = _subject(membership)
    membership.delete()
    record(actor=actor, action="membership.deleted", subject=subject, before=before, now=moment)


def reachable_by(actor: Actor) -> QuerySet[Membership]:
    """The memberships that somebody may ask for by id: those they see, and their own whatever they see."""
    rows = Membership.objects.filter(organization_id=actor.organization_id)
    if actor.domain_id is None:
        return rows
    return rows.none() if actor.user_id is None else rows.filter(user_id=actor.user_id)


def _revoke_personal_keys(actor: Actor, membership: Membership, now: datetime) -> None:
    keys = ApiKey.objects.filter(
        organization_id=actor.organization_id, user_id=membership.user_id, revoked_at__isnull=True
    )
    for key in keys.select_for_update().order_by("id"):
        save_changes(key, {"revoked_at": now}, now=now)
        record(actor=actor, action="key.revoked", subject=subject_of(key), after={"revoked_at": now}, now=now)


def _codes(role: Role, domain_id: UUID | None) -> frozenset[str]:
    return held(frozenset(role.permissions), domain_id=domain_id)


def _is_own(actor: Actor, membership: Membership) -> bool:
    return actor.kind == "user" and membership.user_id == actor.user_id


def _is_owner(role: Role, domain_id: UUID | None) -> bool:
    return role.is_built_in and role.slug == OWNER and domain_id is None


def _keep_an_owner(membership: Membership) -> None:
    """Raise `LastOwner` when nobody who can log in would be an owner of the whole organization without this one."""
    if not _is_owner(membership.role, membership.domain_id):
        return
    owners = Membership.objects.filter(
        organization_id=membership.organization_id,
        role_id=membership.role_id,
        domain__isnull=True,
        user__is_active=True,
    )
    if not owners.exclude(pk=membership.pk).exists():
        raise LastOwner


def _subject(membership: Membership) -> Subject:
    return subject_of(membership, label=membership.user.get_username())
