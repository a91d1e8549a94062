"""What a call cost: reported, by the organization's own price, by the list, or unknown, which is never 0."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import genai_prices
import pytest

from accounts.actors import SystemActor
from accounts.models import Organization
from ledger import list_prices
from ledger.services import InvalidUsage, create_price_override
from tests.client import ApiClient
from tests.ledger.reports import PRICED, REPORT, note, send


def override(actor: SystemActor, **fields: Any) -> None:
    values = {"provider": "openai", "model": "gpt-test", "input_price_units": 0, "output_price_units": 0}
    create_price_override(actor=actor, fields={**values, **fields})


def test_list_that_is_installed_has_a_date() -> None:
    assert genai_prices.__version__ in list_prices.RELEASED
    assert f"genai-prices {genai_prices.__version__}" == list_prices.SOURCE


def test_known_model_is_priced_by_the_list(api: ApiClient) -> None:
    tokens = {"input_tokens": 1000, "cached_input_tokens": 300, "output_tokens": 500, "reasoning_tokens": 200}

    record = send(api, **{**PRICED, **tokens})

    # 700 × $2.50 + 300 × $1.25 + 500 × $10, each for a million: reasoning costs what output costs.
    assert record["cost"] == "0.0071250000"
    assert record["price_source"] == list_prices.SOURCE
    assert record["price_date"] == str(list_prices.SNAPSHOT_DATE)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-test"),
        ("openai", "gpt-4o-nonsense"),
        ("not-openai", "gpt-4o"),
        ("ollama", "llama3"),
        ("litellm", "openai/gpt-4o"),
        ("cerebras", "qwen-3-coder-480b"),
        ("perplexity", "sonar"),
        ("groq", "whisper-large-v3"),
        ("openai", "(" * 100),
    ],
)
def test_price_that_is_not_wholly_known_is_unknown(api: ApiClient, provider: str, model: str) -> None:
    record = send(api, provider=provider, model=model)

    assert (record["cost"], record["price_source"], record["price_date"]) == (None, "", None)


def test_embedding_has_a_price_for_input_alone(api: ApiClient) -> None:
    model = {"provider": "openai", "model": "text-embedding-3-small", "input_tokens": 1_000_000}

    without = send(api, **model, output_tokens=0)
    with_output = send(api, **model, output_tokens=1)

    assert (without["cost"], with_output["cost"]) == ("0.0200000000", None)


@pytest.mark.parametrize(
    ("provider", "model"),
    [("OpenAI", "gpt-4o"), ("google_genai", "gemini-2.5-flash"), ("xai", "grok-3"), ("vertex_ai", "gemini-2.5-flash")],
)
def test_other_names_of_providers_are_known(api: ApiClient, provider: str, model: str) -> None:
    assert send(api, provider=provider, model=model)["cost"] is not None


def test_reported_cost_goes_before_all_prices(api: ApiClient, actor: SystemActor) -> None:
    override(actor, model="gpt-4o", input_price_units=10**10)

    record = send(api, **{**PRICED, "cost": "0"})

    assert (record["cost"], record["price_source"], record["price_date"]) == ("0.0000000000", "reported", None)


def test_own_price_goes_before_the_list(api: ApiClient, actor: SystemActor) -> None:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    override(actor, model="gpt-4o", input_price_units=375_000_000, valid_from=day)

    record = send(api, **{**PRICED, "input_tokens": 1})

    assert (record["cost"], record["price_source"]) == ("0.0000000375", "override")
    assert record["price_date"] == "2026-01-01"


def test_own_price_of_nothing_is_known_to_be_free(api: ApiClient, actor: SystemActor) -> None:
    override(actor)

    record = send(api)

    assert (record["cost"], record["price_source"]) == ("0.0000000000", "override")


def test_own_price_holds_from_its_moment_on(api: ApiClient, actor: SystemActor) -> None:
    for year, price in ((2024, 1), (2025, 2), (2030, 3)):
        moment = datetime(year, 1, 1, tzinfo=UTC)
        override(actor, input_price_units=price * 10**10, valid_from=moment)

    costs = [
        send(api, input_tokens=1_000_000, created_at=at)["cost"]
        for at in (
            "2023-12-31T23:59:59.999999Z",
            "2024-01-01T00:00:00Z",
            "2024-06-01T00:00:00Z",
            "2025-01-01T00:00:00Z",
        )
    ]

    assert costs == [None, "1.0000000000", "1.0000000000", "2.0000000000"]


@pytest.mark.parametrize(
    ("provider", "model"), [("OpenAI", "gpt-test"), ("openai", "gpt-test-2"), ("anthropic", "gpt-test")]
)
def test_own_price_is_of_exactly_one_model(api: ApiClient, actor: SystemActor, provider: str, model: str) -> None:
    override(actor)

    assert send(api, provider=provider, model=model)["cost"] is None


def test_own_price_is_not_that_of_others(stranger: ApiClient, api: ApiClient, actor: SystemActor) -> None:
    override(actor)

    assert (send(stranger)["cost"], send(api)["cost"]) == (None, "0.0000000000")


@pytest.mark.parametrize(
    ("prices", "cost"),
    [
        # 60 plain and 40 cached, 30 plain and 20 reasoning; prices of a million in dollars.
        ({"cached_input_price_units": None, "reasoning_price_units": None}, "0.0001500000"),
        ({"cached_input_price_units": 0, "reasoning_price_units": None}, "0.0001100000"),
        ({"cached_input_price_units": None, "reasoning_price_units": 3 * 10**10}, "0.0001900000"),
        ({"cached_input_price_units": 5 * 10**9, "reasoning_price_units": 0}, "0.0001100000"),
    ],
)
def test_cached_and_reasoning_tokens_have_prices_of_their_own(
    api: ApiClient, actor: SystemActor, prices: dict[str, Any], cost: str
) -> None:
    override(actor, input_price_units=10**10, output_price_units=10**10, **prices)

    record = send(api, input_tokens=100, cached_input_tokens=40, output_tokens=50, reasoning_tokens=20)

    assert record["cost"] == cost


@pytest.mark.parametrize(("price", "units"), [(500_000, 0), (500_001, 1), (1_500_000, 2), (2_500_000, 2)])
def test_cost_is_rounded_once_half_to_even(actor: SystemActor, price: int, units: int) -> None:
    """One token: the price of a million, in units, is a millionth of itself."""
    override(actor, input_price_units=price)

    assert note(actor, input_tokens=1).cost_units == units


def test_cost_is_rounded_after_all_kinds_were_added(actor: SystemActor) -> None:
    override(actor, input_price_units=400_000, output_price_units=400_000)

    assert note(actor, input_tokens=1, output_tokens=1).cost_units == 1


def test_cost_above_the_highest_is_refused(api: ApiClient, actor: SystemActor) -> None:
    override(actor, input_price_units=10**10 * 1000)

    response = api.post("/api/usage", {**REPORT, "input_tokens": 10**9})

    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["cost"]


def test_later_price_leaves_records_as_they_are(api: ApiClient, actor: SystemActor) -> None:
    record = send(api, cost="1")
    override(actor, input_price_units=1)

    assert api.get(f"/api/usage/{record['id']}").json() == record


def test_service_names_the_field_at_fault(actor: SystemActor, organization: Organization) -> None:
    with pytest.raises(InvalidUsage) as caught:
        note(actor, cached_input_tokens=11, reasoning_tokens=6)

    assert list(caught.value.errors) == ["cached_input_tokens", "reasoning_tokens"]
