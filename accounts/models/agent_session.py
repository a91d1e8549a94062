"""Sessions of agents at work, tracked from their start to their end."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.utils import timezone

from accounts.models.keys import ApiKey
from accounts.models.organizations import Domain, Instance
from accounts.models.people import User
from accounts.querysets import AgentSessionQuerySet
from core.fields import JSONField, TenantForeignKey
from core.models import TenantModel, VersionedModel


class AgentSession(TenantModel, VersionedModel):
    """Somebody works with an agent: from a start, over heartbeats, to an end."""

    class EndReason(models.TextChoices):
        ENDED = "ended", "Ended by its client"
        STALE = "stale", "Closed after its heartbeats stopped"

    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    api_key = TenantForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, db_index=False, related_name="+")
    agent_id: UUID | None
    agent = TenantForeignKey("agents_app.Agent", null=True, on_delete=models.SET_NULL, db_index=False, related_name="+")
    instance_id: UUID | None
    instance = TenantForeignKey(Instance, null=True, on_delete=models.SET_NULL, db_index=False, related_name="+")
    domain_id: UUID | None
    domain = TenantForeignKey(Domain, null=True, on_delete=models.PROTECT, db_index=False, related_name="+")
    metadata = JSONField(default=dict, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    last_heartbeat_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=20, choices=EndReason, default="", blank=True)

    objects = AgentSessionQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["organization", "-started_at", "-id"], name="agent_session_by_start"),
            models.Index(
                fields=["organization", "last_heartbeat_at"],
                condition=models.Q(ended_at=None),
                name="agent_session_open",
            ),
        ]

    def __str__(self) -> str:
        return f"Session {self.pk}"

    @property
    def state(self) -> str:
        """`open` or `ended`."""
        return "open" if self.ended_at is None else "ended"
