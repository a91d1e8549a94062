"""Sets of agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from core.querysets import TrashableQuerySet

if TYPE_CHECKING:
    from agents_app.models import Agent


class AgentQuerySet(TrashableQuerySet["Agent"]):
    def enabled(self) -> Self:
        return self.active().filter(is_active=True)

    def get_by_natural_key(self, organization: str, slug: str) -> Agent:
        return self.active().get(organization__slug=organization, slug=slug)
