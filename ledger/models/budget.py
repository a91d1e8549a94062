"""How much an organization, or a part of it, may spend."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from core.models import TenantModel, VersionedModel
from ledger.money import MAX_AMOUNT_UNITS
from ledger.querysets import BudgetQuerySet

DEFAULT_WARNING_PERCENT = 80


class Budget(TenantModel, VersionedModel):
    """A limit for what is spent in a day, in a month or ever, by the organization, by one domain or by one agent.

    Domain and agent are soft ids: a budget whose agent was erased limits nothing, rather than all.
    """

    class Period(models.TextChoices):
        DAY = "day", "A day in UTC"
        MONTH = "month", "A month in UTC"
        TOTAL = "total", "All time"

    name = models.CharField(max_length=255)
    domain_id = models.UUIDField(null=True, blank=True)
    agent_id = models.UUIDField(null=True, blank=True)
    period = models.CharField(max_length=10, choices=Period)
    limit_units = models.BigIntegerField(help_text="Ten-billionths of a US dollar.")
    warn_at_percent = models.PositiveSmallIntegerField(default=DEFAULT_WARNING_PERCENT)
    is_hard = models.BooleanField(default=False, help_text="Stops further calls once the limit is reached.")
    is_active = models.BooleanField(default=True)

    objects = BudgetQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "name"], name="budget_name_unique"),
            models.CheckConstraint(
                condition=models.Q(domain_id=None) | models.Q(agent_id=None), name="budget_has_one_scope"
            ),
            models.CheckConstraint(
                condition=models.Q(limit_units__gte=0, limit_units__lte=MAX_AMOUNT_UNITS), name="budget_limit_bounded"
            ),
            models.CheckConstraint(
                condition=models.Q(warn_at_percent__gte=1, warn_at_percent__lte=100), name="budget_warning_is_percent"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "-updated_at", "-id"], name="budget_by_recency")]

    def __str__(self) -> str:
        return self.name
