"""Organizations: founded, changed, suspended and resumed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Organization, Role, User
from accounts.roles import OWNER
from accounts.services.memberships import join
from accounts.services.slugs import free_slug
from core import row_security
from core.access import Actor
from core.changes import lock_row, save_changes
from core.errors import Conflict, DomainError
from core.preconditions import ANY_VERSION, Precondition
from ledger.services import change_of, record, subject_of


class SlugTaken(Conflict):
    """Another organization has this slug."""

    code = "slug_taken"


class InvalidSlug(DomainError):
    """A slug is letters, digits, hyphens and underscores, 63 at most."""

    code = "invalid_slug"


class SlugIsFixed(DomainError):
    """Whoever may try slugs learns which ones other organizations have; platform administrators know them anyway."""

    status = 403
    code = "slug_is_fixed"
    title = "The slug of an organization stays."

    def __init__(self) -> None:
        super().__init__("Only platform administrators change it.")


def create_organization(*, slug: str, name: str = "", now: datetime | None = None, **settings: Any) -> Organization:
    """Write an organization that nobody belongs to yet, and nothing into an audit trail: see `found_organization`.

    Its name is the slug unless one is given. Raises `InvalidSlug`, `SlugTaken`.
    """
    _check_slug(slug)
    moment = now or timezone.now()
    return _insert(Organization(slug=slug, name=name or slug, created_at=moment, updated_at=moment, **settings))


@transaction.atomic
def found_organization(
    *, actor: Actor, fields: dict[str, Any], owner_id: UUID | None = None, now: datetime | None = None
) -> Organization:
    """Create an organization, and make a person its owner; without a slug one is made from the name.

    The audit trail of the new organization starts with it. Raises `InvalidSlug`, `SlugTaken`.
    """
    moment = now or timezone.now()
    with row_security.outside():
        slug = fields.get("slug") or free_slug(Organization.objects.all(), fields["name"], fallback="organization")
        values = {**fields, "slug": slug}
        organization = create_organization(**values, now=moment)
        founder = _within(actor, organization)
        subject = subject_of(organization)
        record(actor=founder, action="organization.created", subject=subject, after=values, now=moment)
        if owner_id is not None:
            role = Role.objects.built_in().get(slug=OWNER)
            owner = User.objects.get(pk=owner_id)
            join(actor=founder, user=owner, role=role, domain_id=None, now=moment)
    return organization


def _within(actor: Actor, organization: Organization) -> Actor:
    """The same one, acting in the new organization instead of the one they come from."""
    return cast("Actor", replace(cast("Any", actor), organization_id=organization.pk, domain_id=None))


@transaction.atomic
def update_organization(
    *,
    actor: Actor,
    organization_id: UUID,
    changes: dict[str, Any],
    precondition: Precondition = ANY_VERSION,
    now: datetime | None = None,
) -> Organization:
    """Change name, access to content, and as a platform administrator the slug.

    Raises `NotFound`, `VersionMismatch`, `SlugIsFixed`, `InvalidSlug`, `SlugTaken`.
    """
    moment = now or timezone.now()
    if "slug" in changes:
        _check_slug(changes["slug"])
    organization = lock_row(Organization.objects.visible_to(actor), organization_id, precondition)
    if changes.get("slug", organization.slug) != organization.slug and not actor.can("organization.create"):
        raise SlugIsFixed
    before, after = change_of(organization, changes)
    try:
        with transaction.atomic():
            save_changes(organization, changes, now=moment)
    except IntegrityError:
        raise _taken(changes["slug"]) from None
    subject = subject_of(organization)
    record(actor=actor, action="organization.updated", subject=subject, before=before, after=after, now=moment)
    return organization


@transaction.atomic
def suspend_organization(
    *, actor: Actor, organization_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> None:
    """Let nobody of an organization in, people and keys, until it is resumed.

    Raises `NotFound`, also for one that is suspended already, and `VersionMismatch`.
    """
    moment = now or timezone.now()
    organization = lock_row(Organization.objects.visible_to(actor).active(), organization_id, precondition)
    save_changes(organization, {"suspended_at": moment}, now=moment)
    record(actor=actor, action="organization.suspended", subject=subject_of(organization), now=moment)


@transaction.atomic
def resume_organization(*, actor: Actor, organization_id: UUID, now: datetime | None = None) -> None:
    """Let the people and keys of a suspended organization in again. Raises `NotFound` for one that is not."""
    moment = now or timezone.now()
    organization = lock_row(Organization.objects.visible_to(actor).suspended(), organization_id, ANY_VERSION)
    save_changes(organization, {"suspended_at": None}, now=moment)
    record(actor=actor, action="organization.resumed", subject=subject_of(organization), now=moment)


def _insert(organization: Organization) -> Organization:
    try:
        with transaction.atomic():
            organization.save(force_insert=True)
    except IntegrityError:
        raise _taken(organization.slug) from None
    return organization


def _taken(slug: str) -> SlugTaken:
    return SlugTaken(f"There is an organization {slug!r} already.")


def _check_slug(slug: str) -> None:
    try:
        validate_slug(slug)
    except ValidationError as error:
        raise InvalidSlug(" ".join(error.messages)) from None
    if len(slug) > 63:
        raise InvalidSlug("A slug has 63 characters at most.")
