"""An organization's own prices, which go before those of the price list."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from core.models import TenantModel, VersionedModel
from ledger.money import MAX_AMOUNT_UNITS
from ledger.querysets import PriceOverrideQuerySet

PRICES = ("input_price_units", "output_price_units", "cached_input_price_units", "reasoning_price_units")


class PriceOverride(TenantModel, VersionedModel):
    """What a million tokens of one model cost from a moment on, in ten-billionths of a US dollar.

    Where the price of cached or of reasoning tokens is empty, they cost what input and output tokens cost.
    """

    provider = models.CharField(max_length=50)
    model = models.CharField(max_length=100)
    input_price_units = models.BigIntegerField()
    output_price_units = models.BigIntegerField()
    cached_input_price_units = models.BigIntegerField(null=True)
    reasoning_price_units = models.BigIntegerField(null=True)
    valid_from = models.DateTimeField(default=timezone.now)

    objects = PriceOverrideQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "provider", "model", "valid_from"], name="price_override_unique"
            ),
            *(
                models.CheckConstraint(
                    condition=models.Q(**{f"{name}__isnull": True})
                    | models.Q(**{f"{name}__gte": 0, f"{name}__lte": MAX_AMOUNT_UNITS}),
                    name=f"price_override_{name.removesuffix('_price_units')}_bounded",
                )
                for name in PRICES
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "-updated_at", "-id"], name="price_override_by_recency")
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.model}"
