"""What somebody may see and do across organizations, as the admin asks it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody may do in one organization, or in one domain of it."""

    organization_id: UUID
    permissions: frozenset[str]
    domain_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class AdminScope:
    """What somebody may see and do in the admin: everything for platform administrators, else what is granted.

    There is one grant an organization at most: who may see a row of it and holds another permission there holds that
    permission on the row as well, in whichever domain it lies.
    """

    is_unlimited: bool = False
    grants: tuple[Grant, ...] = ()

    def granting(self, code: str) -> list[Grant]:
        return [grant for grant in self.grants if code in grant.permissions]

    def can(self, code: str, organization_id: UUID | None = None) -> bool:
        """Whether the permission is held in the organization, or in any when none is named."""
        return self.is_unlimited or any(
            organization_id in (None, grant.organization_id) for grant in self.granting(code)
        )

    def is_member_with(self, code: str, organization_id: UUID) -> bool:
        """Whether the permission is held as a member: being a platform administrator does not count."""
        return any(grant.organization_id == organization_id for grant in self.granting(code))

    def holds_wherever(self, code: str, other: str) -> bool:
        """Whether `code` is held in every organization in which `other` is."""
        return self.is_unlimited or all(code in grant.permissions for grant in self.granting(other))

    def organization_ids(self, code: str) -> list[UUID] | None:
        """The organizations in which the permission is held, None for all."""
        return None if self.is_unlimited else [grant.organization_id for grant in self.granting(code)]

    def restrict(self, rows: QuerySet[Any], code: str) -> QuerySet[Any]:
        """Keep the rows of tenants on which the permission is held."""
        if self.is_unlimited:
            return rows
        return rows.filter(self.granted_rows(rows, code)) if self.granting(code) else rows.none()

    def granted_rows(self, rows: QuerySet[Any], code: str) -> Q:
        """The condition of the rows on which the permission is held as a member."""
        return reduce(or_, (_rows_of(grant, rows) for grant in self.granting(code)), Q(pk__in=[]))


def _rows_of(grant: Grant, rows: QuerySet[Any]) -> Q:
    condition = Q(organization_id=grant.organization_id)
    if grant.domain_id is None:
        return condition
    path: str | None = getattr(rows, "domain_path", None)
    return condition & Q(**{path: grant.domain_id}) if path else Q(pk__in=[])
