"""Sets of agents and integrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from core.querysets import TrashableQuerySet

if TYPE_CHECKING:
    from agents_app.models import Agent, IntegrationConfig  # noqa: F401  quoted below


class AgentQuerySet(TrashableQuerySet["Agent"]):
    domain_path = "domain_id"

    def enabled(self) -> Self:
        return self.active().filter(is_active=True)

    def get_by_natural_key(self, organization: str, slug: str) -> Agent:
        return self.active().get(organization__slug=organization, slug=slug)


class IntegrationConfigQuerySet(TrashableQuerySet["IntegrationConfig"]):
    def without_secrets(self) -> Self:
        """Leave the ciphertext in the database: what is only shown has no use for it."""
        return self.defer("secrets")

    def not_under(self, key_id: str) -> Self:
        """Those with secrets that another key encrypted."""
        return self.exclude(secrets="").exclude(secrets_key_id=key_id)
