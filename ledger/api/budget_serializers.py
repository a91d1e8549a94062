"""The JSON shape of budgets and prices."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from core.serializers import (
    StrictBooleanField,
    StrictChoiceField,
    StrictIntegerField,
    StrictModelSerializer,
    StrictUUIDField,
    UTCDateTimeField,
    VisibleCharField,
)
from ledger.api.money import CurrencyField, MoneyField
from ledger.models import Budget, PriceOverride
from ledger.models.budget import DEFAULT_WARNING_PERCENT
from ledger.money import MAX_AMOUNT_UNITS

STATES = ("ok", "warning", "exceeded")


class BudgetSerializer(StrictModelSerializer):
    """A budget of the organization, of one domain or of one agent, and how it stands in its present period."""

    name = VisibleCharField(max_length=255)
    domain_id = StrictUUIDField(default=None, allow_null=True)
    agent_id = StrictUUIDField(default=None, allow_null=True)
    period = StrictChoiceField(choices=Budget.Period.values)
    limit = MoneyField(source="limit_units", max_units=MAX_AMOUNT_UNITS)
    currency = CurrencyField()
    warn_at_percent = StrictIntegerField(default=DEFAULT_WARNING_PERCENT, min_value=1, max_value=100)
    is_hard = StrictBooleanField(default=False)
    is_active = StrictBooleanField(default=True)
    spent = MoneyField(source="standing.spent_units", max_units=0, read_only=True)
    remaining = MoneyField(source="standing.remaining_units", max_units=0, read_only=True)
    unknown_cost_requests = serializers.IntegerField(source="standing.unknown_cost_requests", read_only=True)
    state = serializers.ChoiceField(source="standing.state", choices=STATES, read_only=True)
    period_start = UTCDateTimeField(source="standing.period_start", read_only=True, allow_null=True)

    class Meta:
        model = Budget
        fields = (
            "id",
            "name",
            "domain_id",
            "agent_id",
            "period",
            "limit",
            "currency",
            "warn_at_percent",
            "is_hard",
            "is_active",
            "spent",
            "remaining",
            "unknown_cost_requests",
            "state",
            "period_start",
            "version",
            "created_at",
            "updated_at",
        )
        read_only_fields: ClassVar = ("id", "version", "created_at", "updated_at")


class BudgetCheckSerializer(serializers.Serializer[Any]):
    """The budgets that a call would count against."""

    results = BudgetSerializer(many=True)


class PriceOverrideSerializer(StrictModelSerializer):
    """What a million tokens of a model cost. null: cached tokens cost what input, reasoning what output costs."""

    provider = VisibleCharField(max_length=50)
    model = VisibleCharField(max_length=100)
    input_price = MoneyField(source="input_price_units", max_units=MAX_AMOUNT_UNITS)
    output_price = MoneyField(source="output_price_units", max_units=MAX_AMOUNT_UNITS)
    cached_input_price = MoneyField(
        source="cached_input_price_units", default=None, allow_null=True, max_units=MAX_AMOUNT_UNITS
    )
    reasoning_price = MoneyField(
        source="reasoning_price_units", default=None, allow_null=True, max_units=MAX_AMOUNT_UNITS
    )
    currency = CurrencyField()
    valid_from = UTCDateTimeField(required=False)

    class Meta:
        model = PriceOverride
        fields = (
            "id",
            "provider",
            "model",
            "input_price",
            "output_price",
            "cached_input_price",
            "reasoning_price",
            "currency",
            "valid_from",
            "version",
            "created_at",
            "updated_at",
        )
        read_only_fields: ClassVar = ("id", "version", "created_at", "updated_at")
