"""Sets of organizations, their parts, their people and their keys."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.db.models import Q, QuerySet

from core.access import Actor
from core.querysets import TenantQuerySet, TrashableQuerySet

if TYPE_CHECKING:
    from accounts.models import (  # noqa: F401  quoted below
        AgentSession,
        ApiKey,
        Domain,
        IdempotencyRecord,
        Instance,
        Invitation,
        Membership,
        Organization,
        Role,
    )


class OrganizationQuerySet(QuerySet["Organization"]):
    def visible_to(self, actor: Actor) -> Self:
        return self.filter(pk=actor.organization_id)

    def active(self) -> Self:
        return self.filter(suspended_at=None)

    def suspended(self) -> Self:
        return self.filter(suspended_at__isnull=False)

    def get_by_natural_key(self, slug: str) -> Organization:
        return self.get(slug=slug)


class DomainQuerySet(TrashableQuerySet["Domain"]):
    domain_path = "pk"

    def get_by_natural_key(self, organization: str, slug: str) -> Domain:
        return self.active().get(organization__slug=organization, slug=slug)


class InstanceQuerySet(TrashableQuerySet["Instance"]):
    domain_path = "domain_id"

    def get_by_natural_key(self, organization: str, domain: str, slug: str) -> Instance:
        return self.active().get(organization__slug=organization, domain__slug=domain, slug=slug)


class RoleQuerySet(QuerySet["Role"]):
    def visible_to(self, actor: Actor) -> Self:
        """The built-in roles and those of the organization."""
        return self.offered_in(actor.organization_id)

    def offered_in(self, organization_id: UUID) -> Self:
        return self.filter(Q(organization=None) | Q(organization_id=organization_id))

    def built_in(self) -> Self:
        return self.filter(organization=None)

    def get_by_natural_key(self, organization: str | None, slug: str) -> Role:
        return self.get(organization__slug=organization, slug=slug) if organization else self.built_in().get(slug=slug)


class MembershipQuerySet(TenantQuerySet["Membership"]):
    def in_active_organizations(self) -> Self:
        return self.filter(organization__suspended_at=None)

    def get_by_natural_key(self, organization: str, username: str) -> Membership:
        return self.get(organization__slug=organization, user__username=username)


class InvitationQuerySet(TenantQuerySet["Invitation"]):
    def open_at(self, now: datetime) -> Self:
        return self.filter(accepted_at=None, revoked_at=None, expires_at__gt=now)

    def in_state(self, state: str, now: datetime) -> Self:
        """Those that are `accepted`, `revoked`, `expired` or `open`."""
        if state == "accepted":
            return self.filter(accepted_at__isnull=False)
        if state == "revoked":
            return self.filter(revoked_at__isnull=False)
        unanswered = self.filter(accepted_at=None, revoked_at=None)
        return unanswered.filter(expires_at__lte=now) if state == "expired" else self.open_at(now)


class ApiKeyQuerySet(TenantQuerySet["ApiKey"]):
    def usable_at(self, now: datetime) -> Self:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)

    def in_state(self, state: str, now: datetime) -> Self:
        """Keys that are `active`, `expired` or `revoked`."""
        if state == "revoked":
            return self.exclude(revoked_at=None)
        return self.usable_at(now) if state == "active" else self.filter(revoked_at=None, expires_at__lte=now)


class AgentSessionQuerySet(TenantQuerySet["AgentSession"]):
    domain_path = "domain_id"

    def open(self) -> Self:
        return self.filter(ended_at=None)

    def ended(self) -> Self:
        return self.filter(ended_at__isnull=False)

    def silent_since(self, moment: datetime) -> Self:
        """Sessions that are open, and whose last heartbeat is older."""
        return self.open().filter(last_heartbeat_at__lt=moment)


class IdempotencyRecordQuerySet(TenantQuerySet["IdempotencyRecord"]):
    def made_before(self, moment: datetime) -> Self:
        return self.filter(created_at__lt=moment)
