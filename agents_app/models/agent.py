"""Agents: who talks, as what, with which model."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db import models

from accounts.models import Domain
from agents_app.querysets import AgentQuerySet
from core.fields import JSONField, TenantForeignKey
from core.models import TenantModel, TrashableModel, VersionedModel
from core.renderers import format_datetime


class Agent(TenantModel, VersionedModel, TrashableModel):
    """A configured agent: its persona, and the defaults that its threads start with."""

    domain_id: UUID | None
    domain = TenantForeignKey(
        Domain,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="agents",
        help_text="The part of the organization it serves; empty: all of it.",
    )
    name = models.CharField(max_length=255)
    slug = models.SlugField(max_length=80, db_index=False, help_text="Unique among the organization's agents.")
    description = models.TextField(default="", blank=True)
    instructions = models.TextField(default="", blank=True, help_text="The system prompt.")
    backstory = models.TextField(default="", blank=True)
    personality_traits = JSONField(default=list, blank=True, help_text="A list of texts.")
    avatar = models.CharField(max_length=2048, default="", blank=True, help_text="Address of a picture.")
    agent_type = models.CharField(max_length=50, default="chat")
    provider = models.CharField(max_length=50, default="", blank=True)
    model = models.CharField(max_length=100, default="", blank=True)
    parameters = JSONField(default=dict, blank=True, help_text="Model parameters, for instance temperature.")
    tools = JSONField(default=list, blank=True, help_text="Definitions of the tools the agent may call.")
    metadata = JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)

    objects = AgentQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "slug"], condition=models.Q(trashed_at=None), name="agent_slug_unique"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "-updated_at", "-id"], name="agent_by_recency")]

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple[str, str]:
        return (self.organization.slug, self.slug)

    natural_key.dependencies = ["accounts.organization"]  # type: ignore[attr-defined]

    def to_dict(self) -> dict[str, Any]:
        """Return the persona: `{id, name, backstory, personality_traits, avatar_url, created_at}`."""
        return {
            "id": str(self.id),
            "name": self.name,
            "backstory": self.backstory or None,
            "personality_traits": list(self.personality_traits or []),
            "avatar_url": self.avatar or None,
            "created_at": format_datetime(self.created_at),
        }
