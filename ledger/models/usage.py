"""What calls of models used and what they cost."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.utils import timezone

from core.fields import JSONField
from core.models import TenantModel
from ledger.money import MAX_COST_UNITS
from ledger.querysets import UsageRecordQuerySet

MAX_TOKENS = 10**9
"""Of one kind in one record; nine thousand million such records can be summed in 64 bits."""

MAX_LATENCY_MS = 10**9

TOKENS = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")


class UsageRecord(TenantModel):
    """One call of a model. Added and never changed.

    The thread, message, agent, domain, user and key are soft ids: the bill outlives them. Cached tokens are among the
    input tokens, reasoning tokens among the output tokens.
    """

    version: ClassVar[int] = 1
    """For the entity tag: a record has one version only."""

    thread_id = models.UUIDField(null=True)
    message_id = models.UUIDField(null=True)
    agent_id = models.UUIDField(null=True)
    domain_id = models.UUIDField(null=True)
    user_id = models.UUIDField(null=True)
    key_id = models.UUIDField(null=True)
    provider = models.CharField(max_length=50)
    model = models.CharField(max_length=100)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cached_input_tokens = models.BigIntegerField(default=0, help_text="Those of the input tokens read from a cache.")
    reasoning_tokens = models.BigIntegerField(default=0, help_text="Those of the output tokens spent on reasoning.")
    latency_ms = models.BigIntegerField(null=True, help_text="From the request to the last token, in milliseconds.")
    cost_units = models.BigIntegerField(
        null=True, help_text="Ten-billionths of a US dollar; empty where the price is not known."
    )
    price_source = models.CharField(
        max_length=50, default="", help_text="reported, override, or the price list with its version."
    )
    price_date = models.DateField(null=True, help_text="The day of the price list, or from which the override holds.")
    external_id = models.CharField(max_length=255, null=True)  # noqa: DJ001  null: the client gave none
    fingerprint = models.CharField(
        max_length=64, default="", help_text="SHA-256 of the report, in hex; for reports with an external id."
    )
    metadata = JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, help_text="When the model was called.")
    recorded_at = models.DateTimeField(default=timezone.now)

    objects = UsageRecordQuerySet.as_manager()

    organization_id: UUID

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "external_id"], name="usage_external_id_unique"),
            *(
                models.CheckConstraint(
                    condition=models.Q(**{f"{name}__gte": 0, f"{name}__lte": MAX_TOKENS}), name=f"usage_{name}_bounded"
                )
                for name in TOKENS
            ),
            models.CheckConstraint(
                condition=models.Q(cached_input_tokens__lte=models.F("input_tokens")), name="usage_cached_within_input"
            ),
            models.CheckConstraint(
                condition=models.Q(reasoning_tokens__lte=models.F("output_tokens")),
                name="usage_reasoning_within_output",
            ),
            models.CheckConstraint(
                condition=models.Q(latency_ms=None) | models.Q(latency_ms__gte=0, latency_ms__lte=MAX_LATENCY_MS),
                name="usage_latency_bounded",
            ),
            models.CheckConstraint(
                condition=models.Q(cost_units=None) | models.Q(cost_units__gte=0, cost_units__lte=MAX_COST_UNITS),
                name="usage_cost_bounded",
            ),
        ]
        # With the cost at its end an index answers the sums of budgets alone.
        indexes: ClassVar = [
            models.Index(fields=["organization", "created_at", "id", "cost_units"], name="usage_by_time"),
            models.Index(
                fields=["organization", "domain_id", "created_at", "id", "cost_units"], name="usage_by_domain"
            ),
            models.Index(fields=["organization", "agent_id", "created_at", "id", "cost_units"], name="usage_by_agent"),
            models.Index(fields=["organization", "thread_id", "created_at", "id"], name="usage_by_thread"),
            models.Index(fields=["organization", "user_id", "created_at", "id"], name="usage_by_user"),
            models.Index(fields=["organization", "key_id", "created_at", "id"], name="usage_by_key"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.model} {self.pk}"
