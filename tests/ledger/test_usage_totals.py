"""Totals are exact to the last digit, and grouped alike on both databases."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import Organization
from core.ids import uuid7
from ledger.models import UsageRecord
from ledger.money import MAX_COST_UNITS
from ledger.services import TooManyGroups, group_usage, totals
from tests.api.problems import fields_at_fault, problem_of
from tests.client import ApiClient
from tests.ledger.reports import send

AWKWARD = (1, 3, 375, 1_234, 999_999_999, 10**10 // 3, MAX_COST_UNITS, MAX_COST_UNITS - 1, 2**32, 2**32 - 1, 2**33 + 1)
"""Costs in units: fractions that no double holds, the highest, and those around the halves of sums."""

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def make_rows(organization: Organization, count: int, **fields: Callable[[int], Any]) -> list[UsageRecord]:
    rows = [
        UsageRecord(
            organization=organization,
            provider="openai",
            model="gpt-test",
            **{name: make(index) for name, make in fields.items()},
        )
        for index in range(count)
    ]
    return UsageRecord.objects.bulk_create(rows, batch_size=500)


def as_decimal(units: int) -> Decimal:
    return Decimal(units).scaleb(-10)


def test_ten_thousand_awkward_amounts_sum_as_decimals_do(api: ApiClient, organization: Organization) -> None:
    chance = random.Random(7)
    costs = [chance.choice([*AWKWARD, chance.randrange(MAX_COST_UNITS), None]) for _ in range(10_000)]
    make_rows(
        organization,
        len(costs),
        cost_units=costs.__getitem__,
        input_tokens=lambda index: index,
        created_at=lambda index: NEW_YEAR + timedelta(hours=index),
    )
    with localcontext(prec=60):
        expected = sum((as_decimal(cost) for cost in costs if cost is not None), Decimal(0))

    found = api.get("/api/usage/totals?by=day").json()

    assert found["total"]["cost"] == f"{expected:.10f}"
    assert expected > 922_000_000, "the sum fits into 64 bits, which proves nothing"
    assert found["total"]["unknown_cost_requests"] == costs.count(None)
    assert found["total"]["input_tokens"] == sum(range(10_000))
    assert sum(Decimal(row["cost"]) for row in found["results"]) == expected
    assert len(found["results"]) == 10_000 // 24 + 1


def test_plain_sum_would_not_do(organization: Organization) -> None:
    make_rows(organization, 1_000, cost_units=([MAX_COST_UNITS] * 1_000).__getitem__)

    rows = UsageRecord.objects.filter(organization_id=organization.pk)
    found = group_usage(rows, ["model"])

    assert found[0].cost_units == 1_000 * MAX_COST_UNITS
    assert found[0].known_cost_units > 2**63
    if connection.vendor == "sqlite":
        with pytest.raises(OperationalError, match="integer overflow"):
            rows.aggregate(total=Sum("cost_units"))


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("day", [{"day": "2026-01-31"}, {"day": "2026-02-01"}]),
        ("month", [{"month": "2026-01"}, {"month": "2026-02"}]),
        (
            "model,month",
            [
                {"model": "a", "month": "2026-01"},
                {"model": "a", "month": "2026-02"},
                {"model": "b", "month": "2026-01"},
            ],
        ),
        ("provider", [{"provider": "openai"}]),
        ("user", [{"user_id": None}]),
    ],
)
def test_totals_are_grouped_by_days_in_utc_and_by_keys(api: ApiClient, by: str, groups: list[dict[str, Any]]) -> None:
    send(api, model="a", created_at="2026-01-31T23:59:59.999999Z")
    send(api, model="a", created_at="2026-02-01T01:00:00+02:00")
    send(api, model="a", created_at="2026-02-01T00:00:00Z")
    send(api, model="b", created_at="2026-01-31T00:00:00Z")

    found = api.get(f"/api/usage/totals?by={by}").json()

    names = list(groups[0])
    assert [{name: row[name] for name in names} for row in found["results"]] == groups
    assert found["by"] == by.split(",")
    assert sum(row["requests"] for row in found["results"]) == found["total"]["requests"] == 4


def test_total_has_exactly_these_members(api: ApiClient) -> None:
    moment = "2026-03-01T12:00:00Z"
    send(api, created_at=moment, cost="0.1", cached_input_tokens=4, reasoning_tokens=2)
    send(api, created_at=moment)

    found = api.get("/api/usage/totals").json()

    sums = {
        "requests": 2,
        "input_tokens": 20,
        "output_tokens": 10,
        "cached_input_tokens": 4,
        "reasoning_tokens": 2,
        "cost": "0.1000000000",
        "unknown_cost_requests": 1,
    }
    assert found == {"currency": "USD", "by": ["month"], "results": [{"month": "2026-03", **sums}], "total": sums}


def test_cost_of_calls_without_any_price_is_unknown(api: ApiClient) -> None:
    send(api, model="a")
    send(api, model="b", cost="0")

    found = api.get("/api/usage/totals?by=model").json()

    assert [row["cost"] for row in found["results"]] == [None, "0.0000000000"]
    assert found["total"]["cost"] == "0.0000000000"
    assert found["total"]["unknown_cost_requests"] == 1


def test_total_of_nothing_is_nothing(api: ApiClient) -> None:
    found = api.get("/api/usage/totals?by=day").json()

    assert found["results"] == []
    assert (found["total"]["requests"], found["total"]["cost"]) == (0, "0.0000000000")


@pytest.mark.parametrize(
    ("query", "requests"),
    [
        ("model=a", 1),
        ("provider=openai", 2),
        ("created_after=2026-02-01T00:00:00Z", 1),
        ("created_before=2026-02-01T00:00:00Z", 1),
        ("created_after=2026-02-01T00:00:00.000001Z", 0),
        (f"agent_id={UUID(int=1)}", 0),
    ],
)
def test_totals_and_lists_are_narrowed_alike(api: ApiClient, query: str, requests: int) -> None:
    send(api, model="a", created_at="2026-01-31T23:59:59.999999Z")
    send(api, model="b", created_at="2026-02-01T00:00:00Z")

    found = api.get(f"/api/usage/totals?{query}").json()

    assert found["total"]["requests"] == len(api.get(f"/api/usage?{query}").json()["results"]) == requests


@pytest.mark.parametrize("by", ["", "week", "day,day", "day,", "agent_id", "organization"])
def test_key_that_is_not_known_is_refused(api: ApiClient, by: str) -> None:
    response = api.get(f"/api/usage/totals?by={by}")

    if by == "":
        assert response.json()["by"] == ["month"]
        return
    assert response.status_code == 400
    assert fields_at_fault(response) == ["by"]


def test_too_many_groups_are_refused(
    api: ApiClient, organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "MAX_GROUPS", 3)
    make_rows(organization, 4, thread_id=lambda index: UUID(int=index))

    response = api.get("/api/usage/totals?by=thread")

    assert response.status_code == 400
    assert problem_of(response)["code"] == TooManyGroups.code
    assert len(api.get("/api/usage/totals?by=model").json()["results"]) == 1


def test_totals_cost_two_statements(api: ApiClient) -> None:
    send(api)  # stamps the key as used, once a minute
    with CaptureQueriesContext(connection) as captured:
        api.get("/api/usage/totals?by=day,model,agent")

    assert len(captured) == 2


MOMENTS = st.integers(-2 * 86_400_000_000, 60 * 86_400_000_000).map(
    lambda microseconds: NEW_YEAR + timedelta(microseconds=microseconds)
)
ROWS = st.lists(
    st.tuples(
        MOMENTS,
        st.sampled_from(["a", "B", "ä", "a b", "Z"]),
        st.sampled_from([None, UUID(int=1), UUID(int=2)]),
        st.none() | st.integers(0, MAX_COST_UNITS) | st.sampled_from(AWKWARD),
        st.integers(0, 10**9),
    ),
    max_size=25,
)
KEYS = st.lists(st.sampled_from(["day", "month", "model", "agent"]), min_size=1, max_size=4, unique=True)


class TestGrouping(TestCase):
    """The databases against plain Python."""

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(rows=ROWS, by=KEYS)
    def test_groups_are_those_of_plain_python(self, rows: list[Any], by: list[str]) -> None:
        organization = Organization.objects.create(slug=uuid7().hex, name="Of a test")
        UsageRecord.objects.bulk_create(
            UsageRecord(
                organization=organization,
                provider="openai",
                created_at=at,
                model=model,
                agent_id=agent,
                cost_units=cost,
                output_tokens=tokens,
            )
            for at, model, agent, cost, tokens in rows
        )

        found = group_usage(UsageRecord.objects.filter(organization_id=organization.pk), by)

        assert [(each.keys, each.cost_units, each.tokens[1], each.requests) for each in found] == expected(rows, by)


def expected(rows: list[Any], by: list[str]) -> list[Any]:
    groups: defaultdict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for row in rows:
        at, model, agent, _cost, _tokens = row
        parts = {"day": f"{at:%Y-%m-%d}", "month": f"{at:%Y-%m}", "model": model, "agent": agent}
        groups[tuple(parts[name] for name in by)].append(row)
    order = sorted(groups, key=lambda keys: [(key is not None, str(key)) for key in keys])
    return [
        (keys, _sum([row[3] for row in groups[keys]]), sum(row[4] for row in groups[keys]), len(groups[keys]))
        for keys in order
    ]


def _sum(costs: list[int | None]) -> int | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None
