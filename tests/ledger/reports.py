"""Reports of usage, as the tests send them."""

from __future__ import annotations

from typing import Any

from core.access import Actor
from ledger.models import UsageRecord
from ledger.services import UsageReport, record_usage
from tests.api.conftest import make_through
from tests.client import ApiClient

REPORT = {"provider": "openai", "model": "gpt-test", "input_tokens": 10, "output_tokens": 5}
"""A call of a model that no list has a price for."""

PRICED = {**REPORT, "model": "gpt-4o"}


def send(api: ApiClient, **fields: Any) -> dict[str, Any]:
    """Report one call over the API and return its record."""
    return make_through(api, "/api/usage", {**REPORT, **fields})


def note(actor: Actor, **fields: Any) -> UsageRecord:
    """Record one call through the service."""
    return record_usage(actor=actor, report=UsageReport(**{**REPORT, **fields}))
