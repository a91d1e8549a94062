"""An actor with the rows behind it: the person, the key, the organization, the role."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from accounts.models import ApiKey, Membership, Organization, Role, User
from accounts.permissions import PERMISSIONS
from core.access import Actor


@dataclass(frozen=True, slots=True)
class OwnKey:
    """The key that was shown; `prefix` is the part of it that may be told."""

    id: UUID
    name: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is, where they act, and what they may do there."""

    kind: str
    label: str
    organization: Organization
    user: User | None
    key: OwnKey | None
    role: Role | None
    domain_id: UUID | None
    permissions: list[str]


def identity_of(actor: Actor) -> Identity:
    """Return the actor with its rows; at most three queries."""
    membership = _membership_of(actor)
    return Identity(
        kind=actor.kind,
        label=actor.label,
        organization=Organization.objects.visible_to(actor).get(),
        user=membership.user if membership else None,
        key=_key_of(actor),
        role=membership.role if membership else None,
        domain_id=actor.domain_id,
        permissions=sorted(code for code in PERMISSIONS if actor.can(code)),
    )


def _membership_of(actor: Actor) -> Membership | None:
    if actor.user_id is None:
        return None
    memberships = Membership.objects.filter(organization_id=actor.organization_id, user_id=actor.user_id)
    return memberships.select_related("user", "role").first()


def _key_of(actor: Actor) -> OwnKey | None:
    if actor.key_id is None:
        return None
    key = ApiKey.objects.filter(organization_id=actor.organization_id, pk=actor.key_id).first()
    return OwnKey(key.pk, key.name, key.shown_prefix) if key else None
