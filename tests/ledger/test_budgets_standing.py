"""How budgets stand, and the stop before a model is called."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from urllib.parse import unquote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actors import SystemActor
from accounts.models import Domain
from accounts.services.domains import create_domain
from agents_app.models import Agent
from agents_app.services import create_agent
from ledger.models import Budget
from ledger.money import UNITS_PER_DOLLAR
from ledger.services import BudgetExceeded, InvalidBudget, check_budgets, create_budget, standings_of
from tests.api.problems import fields_at_fault, problem_of
from tests.client import ApiClient
from tests.ledger.reports import note, send

NOW = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)


def budget(actor: SystemActor, name: str = "All", *, dollars: int = 10, **fields: Any) -> Budget:
    values = {"name": name, "period": "month", "limit_units": dollars * UNITS_PER_DOLLAR, **fields}
    return create_budget(actor=actor, fields=values)


def spend(actor: SystemActor, units: int, at: datetime = NOW, **fields: Any) -> None:
    note(actor, cost_units=units, created_at=at, **fields)


@pytest.fixture
def sales(actor: SystemActor) -> Domain:
    return create_domain(actor=actor, fields={"name": "Sales"})


@pytest.fixture
def seller(actor: SystemActor, sales: Domain) -> Agent:
    return create_agent(actor=actor, fields={"name": "Seller", "domain_id": sales.pk})


@pytest.mark.parametrize(
    ("spent", "state", "remaining"),
    [
        (0, "ok", 1000),
        (799, "ok", 201),
        (800, "warning", 200),
        (999, "warning", 1),
        (1000, "exceeded", 0),
        (5000, "exceeded", 0),
    ],
)
def test_state_turns_exactly_at_its_bounds(actor: SystemActor, spent: int, state: str, remaining: int) -> None:
    row = budget(actor, limit_units=1000)
    spend(actor, spent)

    [standing] = standings_of([row], now=NOW)

    assert (standing.state, standing.spent_units, standing.remaining_units) == (state, spent, remaining)


@pytest.mark.parametrize(
    ("period", "spent", "start"),
    [
        ("day", 0b0011, datetime(2026, 3, 31, tzinfo=UTC)),
        ("month", 0b0111, datetime(2026, 3, 1, tzinfo=UTC)),
        ("total", 0b1111, None),
    ],
)
def test_period_begins_at_midnight_in_utc(actor: SystemActor, period: str, spent: int, start: datetime | None) -> None:
    row = budget(actor, period=period)
    spend(actor, 0b0001)
    spend(actor, 0b0010, datetime(2026, 3, 31, tzinfo=UTC))
    spend(actor, 0b0100, datetime(2026, 3, 31, tzinfo=UTC) - timedelta(microseconds=1))
    spend(actor, 0b1000, datetime(2026, 3, 1, tzinfo=UTC) - timedelta(microseconds=1))

    [standing] = standings_of([row], now=NOW.astimezone())

    assert (standing.spent_units, standing.period_start) == (spent, start)


def test_calls_of_unknown_cost_are_counted_and_not_reckoned(actor: SystemActor) -> None:
    row = budget(actor)
    spend(actor, 5)
    note(actor, created_at=NOW)

    [standing] = standings_of([row], now=NOW)

    assert (standing.spent_units, standing.unknown_cost_requests) == (5, 1)


def test_budget_counts_what_lies_in_its_scope(actor: SystemActor, sales: Domain, seller: Agent) -> None:
    rows = [
        budget(actor),
        budget(actor, "Sales", domain_id=sales.pk),
        budget(actor, "Seller", agent_id=seller.pk),
        budget(actor, "Nobody", agent_id=create_agent(actor=actor, fields={"name": "Idle"}).pk),
    ]
    spend(actor, 0b001)
    spend(actor, 0b010, domain_id=sales.pk)
    spend(actor, 0b100, agent_id=seller.pk)

    assert [each.spent_units for each in standings_of(rows, now=NOW)] == [0b111, 0b110, 0b100, 0]


def test_budget_does_not_count_other_organizations(actor: SystemActor, other_organization: Any) -> None:
    row = budget(actor)
    spend(SystemActor(other_organization.pk), 5)

    assert standings_of([row], now=NOW)[0].spent_units == 0


def test_hard_budget_that_is_used_up_stops_the_call(actor: SystemActor) -> None:
    row = budget(actor, "Hard", dollars=1, is_hard=True)
    spend(actor, UNITS_PER_DOLLAR - 1)
    [standing] = check_budgets(actor=actor, now=NOW)
    spend(actor, 1)

    with pytest.raises(BudgetExceeded) as stopped:
        check_budgets(actor=actor, now=NOW)

    assert standing.state == "warning"
    assert stopped.value.members == {
        "budget_id": str(row.pk),
        "budget_name": "Hard",
        "limit": "1.0000000000",
        "spent": "1.0000000000",
    }
    assert check_budgets(actor=actor, now=NOW + timedelta(days=1))[0].state == "ok"


@pytest.mark.parametrize("fields", [{"is_hard": False}, {"is_hard": True, "is_active": False}])
def test_soft_or_inactive_budget_stops_nothing(actor: SystemActor, fields: dict[str, Any]) -> None:
    budget(actor, limit_units=0, **fields)

    assert [each.state for each in check_budgets(actor=actor)] == (["exceeded"] if "is_active" not in fields else [])


def test_call_is_held_against_the_budgets_of_its_place(actor: SystemActor, sales: Domain, seller: Agent) -> None:
    other = create_domain(actor=actor, fields={"name": "Other"})
    budget(actor, "All")
    budget(actor, "Of sales", domain_id=sales.pk)
    budget(actor, "Of the seller", agent_id=seller.pk)
    budget(actor, "Of others", domain_id=other.pk, limit_units=0, is_hard=True)

    def names(**place: Any) -> list[str]:
        return [each.budget.name for each in check_budgets(**{"actor": actor, **place})]

    assert names() == ["All"]
    assert names(agent_id=seller.pk) == ["All", "Of sales", "Of the seller"]
    assert names(domain_id=sales.pk) == ["All", "Of sales"]
    assert names(actor=replace(actor, domain_id=sales.pk)) == ["All", "Of sales"]
    with pytest.raises(BudgetExceeded):
        names(domain_id=other.pk)


def test_check_of_a_foreign_agent_is_refused_as_of_an_unknown_one(
    actor: SystemActor, seller: Agent, other_organization: Any
) -> None:
    for pk in (seller.pk, uuid.uuid4()):
        with pytest.raises(InvalidBudget) as refused:
            check_budgets(actor=SystemActor(other_organization.pk), agent_id=pk)
        assert refused.value.errors == {"agent_id": ["There is no such agent."]}


def test_check_over_the_api_answers_200_and_then_402(api: ApiClient, actor: SystemActor) -> None:
    row = budget(actor, "Märchen", dollars=1, is_hard=True)

    allowed = api.get("/api/budgets/check")
    send(api, cost="1.5")
    refused = api.get("/api/budgets/check")

    assert allowed.status_code == 200
    assert allowed.json() == {"results": [{**api.get(f"/api/budgets/{row.pk}").json(), **BEFORE}]}
    assert refused.status_code == 402
    problem = problem_of(refused)
    assert {name: problem[name] for name in ("code", "budget_id", "budget_name", "limit", "spent", "detail")} == {
        "code": "budget_exceeded",
        "budget_id": str(row.pk),
        "budget_name": "Märchen",
        "limit": "1.0000000000",
        "spent": "1.5000000000",
        "detail": "The budget Märchen allows 1.0000000000 US dollars; 1.5000000000 are spent.",
    }


BEFORE = {"spent": "0.0000000000", "remaining": "1.0000000000", "state": "ok"}


@pytest.mark.parametrize(
    ("query", "name"),
    [("agent_id=01890000-0000-7000-8000-000000000000", "agent_id"), ("domain_id=x", "domain_id"), ("name=x", "name")],
)
def test_check_names_the_parameter_at_fault(api: ApiClient, query: str, name: str) -> None:
    response = api.get(f"/api/budgets/check?{query}")

    assert (response.status_code, fields_at_fault(response)) == (400, [name])


def test_report_is_never_refused_and_names_budgets_at_risk(api: ApiClient, actor: SystemActor) -> None:
    budget(actor, "Plenty", dollars=1000)
    budget(actor, 'Nearly, "so"', dollars=10, warn_at_percent=50)
    budget(actor, "Üsed\nup", dollars=1, is_hard=True)

    body = {"provider": "p", "model": "m", "input_tokens": 1, "output_tokens": 1, "cost": "6"}
    first = api.post("/api/usage", body)
    second = api.post("/api/usage/batch", {"records": [body]})

    assert (first.status_code, second.status_code) == (201, 201)
    warning = first["Parley-Budget-Warning"]
    assert unquote(warning) == '"Nearly, "so"";state=warning, "Üsed\nup";state=exceeded'
    assert warning.isascii()
    assert warning.isprintable()
    assert unquote(second["Parley-Budget-Warning"]).count("state=exceeded") == 2


def test_report_without_budgets_at_risk_has_no_warning(api: ApiClient, actor: SystemActor) -> None:
    budget(actor)

    response = api.post("/api/usage", {"provider": "p", "model": "m", "input_tokens": 1, "output_tokens": 1})

    assert "Parley-Budget-Warning" not in response


def test_many_budgets_cost_as_many_statements_as_kinds(actor: SystemActor, sales: Domain, seller: Agent) -> None:
    scopes: list[dict[str, Any]] = [{}, {"domain_id": sales.pk}, {"agent_id": seller.pk}]
    kinds = list(product(range(5), ("day", "month", "total"), scopes))
    rows = [budget(actor, f"{index} {period} {scope}", period=period, **scope) for index, period, scope in kinds]

    with CaptureQueriesContext(connection) as captured:
        standings = standings_of(rows)

    assert len(standings) == 45
    assert len(captured) == 9
