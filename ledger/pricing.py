"""What a call of a model cost: as it was reported, by the organization's own price, by the price list, or unknown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from ledger.models import PriceOverride
from ledger.money import divide_half_even, rounded_units

REPORTED, OVERRIDE = "reported", "override"
TOKENS_PER_PRICE = 1_000_000


class Tokens(NamedTuple):
    """What a call used. Cached tokens are among the input tokens, reasoning tokens among the output tokens."""

    input: int
    output: int
    cached_input: int = 0
    reasoning: int = 0


class Price(NamedTuple):
    """What a call cost in units of `ledger.money`, None where that is not known, and who says so."""

    cost_units: int | None = None
    source: str = ""
    date: date | None = None


UNKNOWN = Price()


class PriceBook:
    """The prices that hold in one organization for some models, read with one query."""

    def __init__(self, organization_id: UUID, models: Iterable[tuple[str, str]]) -> None:
        wanted = set(models)
        rows = PriceOverride.objects.filter(
            organization_id=organization_id,
            provider__in={provider for provider, _model in wanted},
            model__in={model for _provider, model in wanted},
        )
        self._overrides = sorted(rows, key=lambda row: row.valid_from) if wanted else []

    def price(self, *, provider: str, model: str, tokens: Tokens, at: datetime) -> Price:
        """Return the price of a call at a moment: by the latest override that held then, else by the price list."""
        for row in reversed(self._overrides):
            if (row.provider, row.model) == (provider, model) and row.valid_from <= at:
                return Price(override_cost(row, tokens), OVERRIDE, row.valid_from.date())
        return _by_list(provider, model, tokens, at)


def override_cost(row: PriceOverride, tokens: Tokens) -> int:
    """Return the cost by an override, rounded once, half to even."""
    cached = row.input_price_units if row.cached_input_price_units is None else row.cached_input_price_units
    reasoning = row.output_price_units if row.reasoning_price_units is None else row.reasoning_price_units
    total = (
        (tokens.input - tokens.cached_input) * row.input_price_units
        + tokens.cached_input * cached
        + (tokens.output - tokens.reasoning) * row.output_price_units
        + tokens.reasoning * reasoning
    )
    return divide_half_even(total, TOKENS_PER_PRICE)


def _by_list(provider: str, model: str, tokens: Tokens, at: datetime) -> Price:
    from ledger import list_prices  # noqa: PLC0415  takes half a second, and many processes price nothing

    amount = list_prices.list_price(
        provider=provider,
        model=model,
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cached_input_tokens=tokens.cached_input,
        reasoning_tokens=tokens.reasoning,
        at=at,
    )
    if amount is None:
        return UNKNOWN
    return Price(rounded_units(amount), list_prices.SOURCE, list_prices.SNAPSHOT_DATE)
