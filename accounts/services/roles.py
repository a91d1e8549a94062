"""Roles: the organization's own are made and changed here; the built-in ones are the product's."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Invitation, Membership, Role
from accounts.roles import BUILT_IN_ROLES
from accounts.services.locking import hold_organization
from accounts.services.slugs import free_slug
from core.access import Actor
from core.changes import lock_row, save_changes
from core.errors import Conflict, DomainError
from core.preconditions import ANY_VERSION, Precondition
from ledger.services import change_of, record, subject_of

SHOWN_CODES = 5


class GrantsTooMuch(DomainError):
    """Somebody would give, change or take away what they do not hold themselves."""

    status = 403
    code = "grants_too_much"
    title = "You cannot give or take what you do not hold."


class BuiltInRoleKept(Conflict):
    """The role is the same in every organization."""

    code = "built_in_role"
    title = "Built-in roles are neither changed nor deleted."

    def __init__(self, role: Role) -> None:
        super().__init__(f"{role.slug} is built in; make a role of your own instead.")


class RoleConflict(Conflict):
    """The slug or the id belongs to another role."""

    code = "role_exists"


class RoleInUse(Conflict):
    """People have the role, or are asked to join with it."""

    code = "role_in_use"
    title = "The role is in use."


class UnknownRole(DomainError):
    """The body names a role that the organization does not have."""

    def __init__(self) -> None:
        super().__init__("See errors for the reason.", errors={"role": ["There is no such role."]})


def check_grant(actor: Actor, codes: Iterable[str]) -> None:
    """Raise `GrantsTooMuch` unless the actor holds every one of the codes."""
    missing = sorted(code for code in codes if not actor.can(code))
    if missing:
        more = f" and {len(missing) - SHOWN_CODES} more" if len(missing) > SHOWN_CODES else ""
        raise GrantsTooMuch(f"You do not hold {', '.join(missing[:SHOWN_CODES])}{more}.")


def role_for(actor: Actor, slug: str) -> Role:
    """Return a role that the actor's organization offers; a built-in one goes first. Raises `UnknownRole`."""
    offered = Role.objects.offered_in(actor.organization_id).filter(slug=slug)
    role = offered.order_by(F("organization").asc(nulls_first=True)).first()
    if role is None:
        raise UnknownRole
    return role


@transaction.atomic
def create_role(*, actor: Actor, fields: dict[str, Any], now: datetime | None = None) -> Role:
    """Create a role of the organization; without a slug one is made from the name.

    Raises `GrantsTooMuch`, `RoleConflict`.
    """
    moment = now or timezone.now()
    hold_organization(actor.organization_id)
    permissions = sorted(fields["permissions"])
    check_grant(actor, permissions)
    slug = fields.get("slug") or free_slug(Role.objects.visible_to(actor), fields["name"], fallback="role")
    values = {**fields, "permissions": permissions, "slug": slug}
    role = Role(organization_id=actor.organization_id, created_at=moment, updated_at=moment, **values)
    _check_slug(role.slug)
    try:
        with transaction.atomic():
            role.save(force_insert=True)
    except IntegrityError:
        raise RoleConflict("A role with this slug or id is there already.") from None
    record(actor=actor, action="role.created", subject=subject_of(role), after=values, now=moment)
    return role


@transaction.atomic
def update_role(
    *,
    actor: Actor,
    role_id: UUID,
    changes: dict[str, Any],
    precondition: Precondition = ANY_VERSION,
    now: datetime | None = None,
) -> Role:
    """Change a role of the organization, for everybody who has it.

    The actor must hold all that the role holds, before and after. Raises `NotFound`, `VersionMismatch`,
    `BuiltInRoleKept`, `GrantsTooMuch`, `RoleConflict`.
    """
    moment = now or timezone.now()
    hold_organization(actor.organization_id)
    role = _own_role(actor, role_id, precondition)
    if "permissions" in changes:
        changes = {**changes, "permissions": sorted(changes["permissions"])}
    check_grant(actor, {*role.permissions, *changes.get("permissions", ())})
    if changes.get("slug", role.slug) != role.slug:
        _check_slug(changes["slug"])
    before, after = change_of(role, changes)
    try:
        with transaction.atomic():
            save_changes(role, changes, now=moment)
    except IntegrityError:
        raise RoleConflict("Another role has this slug.") from None
    record(actor=actor, action="role.updated", subject=subject_of(role), before=before, after=after, now=moment)
    return role


@transaction.atomic
def delete_role(
    *, actor: Actor, role_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> None:
    """Delete a role that nobody has; invitations with it that are over go with it.

    Raises `NotFound`, `VersionMismatch`, `BuiltInRoleKept`, `GrantsTooMuch`, `RoleInUse`.
    """
    moment = now or timezone.now()
    hold_organization(actor.organization_id)
    role = _own_role(actor, role_id, precondition)
    check_grant(actor, role.permissions)
    _check_unused(role, moment)
    before = {name: getattr(role, name) for name in ("name", "slug", "description", "permissions")}
    subject = subject_of(role)
    Invitation.objects.filter(organization_id=actor.organization_id, role=role).delete()
    role.delete()
    record(actor=actor, action="role.deleted", subject=subject, before=before, now=moment)


def _own_role(actor: Actor, role_id: UUID, precondition: Precondition) -> Role:
    roles = Role.objects.visible_to(actor)
    # Row-level security shows the built-in roles, but not to whoever would lock them.
    if built_in := roles.built_in().filter(pk=role_id).first():
        raise BuiltInRoleKept(built_in)
    return lock_row(roles, role_id, precondition)


def _check_unused(role: Role, now: datetime) -> None:
    members = Membership.objects.filter(organization_id=role.organization_id, role=role).count()
    invited = Invitation.objects.filter(organization_id=role.organization_id, role=role).open_at(now).count()
    if members or invited:
        counted = [(members, "member"), (invited, "open invitation")]
        told = " and ".join(f"{count} {noun}{'s' if count != 1 else ''}" for count, noun in counted if count)
        raise RoleInUse(f"{role.slug} is the role of {told}; give them another one first.")


def _check_slug(slug: str) -> None:
    if slug in BUILT_IN_ROLES:
        raise RoleConflict(f"{slug} is a built-in role.")
