"""Sets of organizations' people and keys."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db.models import Q, QuerySet

from core.querysets import TenantQuerySet

if TYPE_CHECKING:
    from accounts.models import ApiKey, IdempotencyRecord, Membership, Organization  # noqa: F401  quoted below


class OrganizationQuerySet(QuerySet["Organization"]):
    def active(self) -> Self:
        return self.filter(suspended_at=None)

    def get_by_natural_key(self, slug: str) -> Organization:
        return self.get(slug=slug)


class MembershipQuerySet(TenantQuerySet["Membership"]):
    def in_active_organizations(self) -> Self:
        return self.filter(organization__suspended_at=None)

    def get_by_natural_key(self, organization: str, username: str) -> Membership:
        return self.get(organization__slug=organization, user__username=username)


class ApiKeyQuerySet(TenantQuerySet["ApiKey"]):
    def usable_at(self, now: datetime) -> Self:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)


class IdempotencyRecordQuerySet(TenantQuerySet["IdempotencyRecord"]):
    def made_before(self, moment: datetime) -> Self:
        return self.filter(created_at__lt=moment)
