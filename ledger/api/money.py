"""Amounts of money in bodies and answers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ledger.money import CURRENCY, PLACES, dollars, units_of


@extend_schema_field({"type": "string", "pattern": r"^[0-9]+\.[0-9]{10}$", "example": "0.0000375000"})
class MoneyField(serializers.Field):  # type: ignore[type-arg]  # generic only for the type checker
    """US dollars with exactly ten places as text out; a text in, or a number that is exact. Units inside.

    `places` bounds what may be given: digits beyond them must be 0.
    """

    def __init__(self, *, max_units: int, places: int = PLACES, hint: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.max_units = max_units
        self.places = places
        self.hint = hint

    def to_internal_value(self, data: Any) -> int:
        try:
            units = units_of(data)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None
        if units % 10 ** (PLACES - self.places):
            raise serializers.ValidationError(f"Give {self.places} decimal places at most.{self.hint}")
        if units > self.max_units:
            raise serializers.ValidationError(f"Give {dollars(self.max_units)} dollars at most.")
        return units

    def to_representation(self, value: Any) -> str:
        return dollars(value)


@extend_schema_field({"type": "string", "enum": [CURRENCY]})
class CurrencyField(serializers.ReadOnlyField):
    """The currency of the amounts beside it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"source": "*", **options})

    def to_representation(self, value: Any) -> str:
        return CURRENCY
