"""The kinds of actors: a program with its key, a person with a membership, the operator at the command line."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from accounts.permissions import (
    DOMAIN_PERMISSIONS,
    ORGANIZATION_PERMISSIONS,
    PLATFORM_PERMISSIONS,
    READ_PERMISSIONS,
)


@dataclass(frozen=True, slots=True)
class KeyActor:
    """A program that showed an API key of the organization; a personal key acts within its owner's role."""

    organization_id: UUID
    key_id: UUID
    label: str
    permissions: frozenset[str] = ORGANIZATION_PERMISSIONS
    user_id: UUID | None = None
    domain_id: UUID | None = None
    kind: str = "key"

    def can(self, code: str) -> bool:
        return code in self.permissions


@dataclass(frozen=True, slots=True)
class MemberActor:
    """A person who logged in and acts in one of their organizations.

    `permissions` are what the role holds; a platform administrator has those of the platform besides.
    """

    organization_id: UUID
    user_id: UUID
    label: str
    permissions: frozenset[str] = ORGANIZATION_PERMISSIONS
    domain_id: UUID | None = None
    is_platform_administrator: bool = False
    key_id: UUID | None = None
    kind: str = "user"

    def can(self, code: str) -> bool:
        return code in self.permissions or (self.is_platform_administrator and code in PLATFORM_PERMISSIONS)


@dataclass(frozen=True, slots=True)
class SystemActor:
    """The operator at the command line, acting for one organization."""

    organization_id: UUID
    label: str = "manage.py"
    domain_id: UUID | None = None
    user_id: UUID | None = None
    key_id: UUID | None = None
    kind: str = "system"

    def can(self, code: str) -> bool:
        return True


def held(
    role: frozenset[str],
    *,
    domain_id: UUID | None,
    narrowed_to: frozenset[str] | None = None,
    is_read_only: bool = False,
) -> frozenset[str]:
    """Return what is left of a role's codes after every narrowing: to a domain, to some codes, to reading."""
    codes = role & ORGANIZATION_PERMISSIONS
    if domain_id is not None:
        codes &= DOMAIN_PERMISSIONS
    if narrowed_to is not None:
        codes &= narrowed_to
    return codes & READ_PERMISSIONS if is_read_only else codes
