"""The JSON shape of usage."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from core.serializers import (
    BoundedListField,
    StoredJSONField,
    StrictIntegerField,
    StrictModelSerializer,
    StrictSerializer,
    StrictUUIDField,
    UTCDateTimeField,
    VisibleCharField,
)
from ledger.api.money import CurrencyField, MoneyField
from ledger.models import UsageRecord
from ledger.models.usage import MAX_LATENCY_MS, MAX_TOKENS, TOKENS
from ledger.money import CURRENCY, MAX_COST_UNITS, dollars
from ledger.services import GROUPINGS, Total
from ledger.services.usage import MAX_BATCH

REPORTED_PLACES = 6
"""Decimal places that bills are written with."""


class UsageSerializer(StrictModelSerializer):
    """One call of a model. Without `cost` it is reckoned from prices; null: the price is not known.

    A finer amount than millionths of a dollar is given as `cost_units`, in ten-billionths.
    """

    provider = VisibleCharField(max_length=50)
    model = VisibleCharField(max_length=100)
    input_tokens = StrictIntegerField(min_value=0, max_value=MAX_TOKENS)
    output_tokens = StrictIntegerField(min_value=0, max_value=MAX_TOKENS)
    cached_input_tokens = StrictIntegerField(default=0, min_value=0, max_value=MAX_TOKENS)
    reasoning_tokens = StrictIntegerField(default=0, min_value=0, max_value=MAX_TOKENS)
    latency_ms = StrictIntegerField(default=None, allow_null=True, min_value=0, max_value=MAX_LATENCY_MS)
    cost = MoneyField(
        source="cost_units",
        default=None,
        allow_null=True,
        max_units=MAX_COST_UNITS,
        places=REPORTED_PLACES,
        hint=" Finer amounts go into cost_units.",
    )
    cost_units = StrictIntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=MAX_COST_UNITS,
        help_text="The same in ten-billionths of a dollar, instead of cost.",
    )
    currency = CurrencyField()
    thread_id = StrictUUIDField(default=None, allow_null=True)
    message_id = StrictUUIDField(default=None, allow_null=True)
    agent_id = StrictUUIDField(default=None, allow_null=True)
    domain_id = StrictUUIDField(default=None, allow_null=True)
    external_id = VisibleCharField(default=None, allow_null=True, max_length=255)
    metadata = StoredJSONField(kind=dict, default=dict)
    version = serializers.IntegerField(read_only=True, help_text="Always 1: a record is never changed.")
    created_at = UTCDateTimeField(required=False)

    class Meta:
        model = UsageRecord
        fields = (
            "id",
            "provider",
            "model",
            *TOKENS,
            "latency_ms",
            "cost",
            "cost_units",
            "currency",
            "price_source",
            "price_date",
            "thread_id",
            "message_id",
            "agent_id",
            "domain_id",
            "user_id",
            "key_id",
            "external_id",
            "metadata",
            "version",
            "created_at",
            "recorded_at",
        )
        read_only_fields: ClassVar = ("id", "price_source", "price_date", "user_id", "key_id", "recorded_at")

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and {"cost", "cost_units"} <= data.keys():
            raise serializers.ValidationError({"cost_units": ["Give either cost or cost_units."]})
        return super().to_internal_value(data)


class UsageBatchSerializer(StrictSerializer):
    """Up to 1,000 calls, recorded all or none."""

    records = BoundedListField(child=serializers.DictField(), allow_empty=False, max_length=MAX_BATCH)


class TotalSerializer(serializers.Serializer[Any]):
    """What calls used together."""

    requests = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cached_input_tokens = serializers.IntegerField()
    reasoning_tokens = serializers.IntegerField()
    cost = serializers.CharField(allow_null=True, help_text="The sum of the known costs; null where none is known.")
    unknown_cost_requests = serializers.IntegerField(help_text="How many calls have no known cost.")


class GroupSerializer(TotalSerializer):
    """The totals of one group, with the keys that were asked for."""

    day = serializers.DateField(required=False, help_text="In UTC.")
    month = serializers.CharField(required=False, help_text="YYYY-MM, in UTC.")
    provider = serializers.CharField(required=False)
    model = serializers.CharField(required=False)
    agent_id = serializers.UUIDField(required=False, allow_null=True)
    domain_id = serializers.UUIDField(required=False, allow_null=True)
    thread_id = serializers.UUIDField(required=False, allow_null=True)
    user_id = serializers.UUIDField(required=False, allow_null=True)
    key_id = serializers.UUIDField(required=False, allow_null=True)


class TotalsSerializer(serializers.Serializer[Any]):
    """Totals by the keys that were asked for, and of all of them together."""

    currency = serializers.CharField()
    by = serializers.ListField(child=serializers.ChoiceField(list(GROUPINGS)))
    results = GroupSerializer(many=True)
    total = TotalSerializer()


def shown_total(total: Total, by: list[str]) -> dict[str, Any]:
    """Return a total as the API shows it, its keys first."""
    return {
        **{GROUPINGS[name]: key for name, key in zip(by, total.keys, strict=True)},
        "requests": total.requests,
        **dict(zip(TOKENS, total.tokens, strict=True)),
        "cost": None if total.cost_units is None else dollars(total.cost_units),
        "unknown_cost_requests": total.unknown_cost_requests,
    }


def shown_totals(totals: list[Total], total: Total, by: list[str]) -> dict[str, Any]:
    return {
        "currency": CURRENCY,
        "by": by,
        "results": [shown_total(each, by) for each in totals],
        "total": shown_total(total, []),
    }
