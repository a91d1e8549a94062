"""What model providers charge, from the price list that is installed with Parley; nothing is fetched over the network.

Importing this takes half a second, which only those pay who price something.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

import genai_prices
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, Provider

SOURCE = f"genai-prices {genai_prices.__version__}"

RELEASED = {"0.2.3": date(2026, 11, 10)}
"""When the versions of the list were published: the list itself bears no date."""

SNAPSHOT_DATE = RELEASED.get(genai_prices.__version__)

OTHER_NAMES = {
    "amazon_bedrock": "aws",
    "aws.bedrock": "aws",
    "azure.ai.openai": "azure",
    "azure_openai": "azure",
    "bedrock": "aws",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "google-gla": "google",
    "google-vertex": "google",
    "google_genai": "google",
    "google_vertexai": "google",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "moonshot": "moonshotai",
    "together-ai": "together",
    "together_ai": "together",
    "vertex_ai": "google",
    "x_ai": "x-ai",
    "xai": "x-ai",
}
"""What frameworks call providers of the list. Nothing is guessed: what merely sounds alike has no known price."""

SIDE_CHARGES = frozenset({"web_searches_kcount", "storage_searches_kcount"})
"""What a provider charges for beside tokens and only when it was asked for; records do not tell, so it is left out."""


@lru_cache(maxsize=1000)
def find_model(provider_name: str, model_name: str) -> tuple[Provider, ModelInfo] | None:
    """Return the model that the list knows by these names, None for all others."""
    name = provider_name.lower()
    wanted = OTHER_NAMES.get(name, name)
    providers = get_snapshot().providers
    provider = next((each for each in providers if each.id == wanted), None)
    model = provider.find_model(model_name, all_providers=providers) if provider else None
    return (provider, model) if provider and model else None


def list_price(
    *,
    provider: str,
    model: str,
    input_tokens: int,
    output_tokens: int,
    cached_input_tokens: int,
    reasoning_tokens: int,
    at: datetime,
) -> Decimal | None:
    """Return what a call at this moment cost in dollars, None where the list does not say all of it."""
    found = find_model(provider, model)
    if found is None:
        return None
    known_provider, known_model = found
    if not _is_complete(known_model.get_prices(at), has_input=input_tokens > 0, has_output=output_tokens > 0):
        return None
    usage = genai_prices.Usage(
        input_tokens=input_tokens,
        cache_read_tokens=cached_input_tokens,
        output_tokens=output_tokens,
        output_reasoning_tokens=reasoning_tokens,
    )
    return known_model.calc_price(usage, known_provider, genai_request_timestamp=at).total_price


def _is_complete(prices: ModelPrice, *, has_input: bool, has_output: bool) -> bool:
    """Whether tokens are all that is charged for, and each kind that was used has a price.

    The library answers 0 for what has no price: a model without any, an embedding that reports output.
    """
    known = {name for name, price in vars(prices).items() if price is not None}
    if not known or any(not name.endswith("_mtok") for name in known - SIDE_CHARGES):
        return False
    return ("input_mtok" in known or not has_input) and ("output_mtok" in known or not has_output)
