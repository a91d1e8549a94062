"""The two kinds of actors: a service with its key, a person with a membership."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class KeyActor:
    """A service that showed an API key of the organization."""

    organization_id: UUID
    key_id: UUID

    @property
    def user_id(self) -> UUID | None:
        return None

    def can(self, code: str) -> bool:
        """Every key of an organization may do everything in it, as long as keys cannot be narrowed."""
        return True


@dataclass(frozen=True, slots=True)
class MemberActor:
    """A person who logged in and acts in one of their organizations."""

    organization_id: UUID
    person_id: UUID

    @property
    def user_id(self) -> UUID | None:
        return self.person_id

    def can(self, code: str) -> bool:
        """Every member may do everything in the organization, as long as there are no roles."""
        return True


@dataclass(frozen=True, slots=True)
class SystemActor:
    """The operator at the command line, acting for one organization."""

    organization_id: UUID

    @property
    def user_id(self) -> UUID | None:
        return None

    def can(self, code: str) -> bool:
        return True
