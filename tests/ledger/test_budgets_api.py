"""Budgets and own prices over the API."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from accounts.actors import SystemActor
from accounts.models import Organization
from accounts.services.domains import create_domain
from agents_app.services import create_agent
from ledger.models import AuditEntry
from tests.api.conftest import make_through
from tests.api.problems import fields_at_fault, problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.ledger.reports import send

BUDGET = {"name": "All", "period": "month", "limit": "10"}
PRICE = {"provider": "openai", "model": "gpt-test", "input_price": "0.0375", "output_price": "0.15"}


def make(api: ApiClient, **fields: Any) -> dict[str, Any]:
    return make_through(api, "/api/budgets", {**BUDGET, **fields})


def make_price(api: ApiClient, **fields: Any) -> dict[str, Any]:
    return make_through(api, "/api/price-overrides", {**PRICE, **fields})


def trail(organization: Organization) -> list[tuple[str, Any, Any]]:
    """The last entries about budgets and prices: action, before, after."""
    rows = AuditEntry.objects.filter(organization_id=organization.pk).order_by("sequence")
    found = rows.filter(subject_type__in=("budget", "price_override"))
    return list(found.values_list("action", "before", "after"))


def test_budget_has_exactly_these_members(api: ApiClient) -> None:
    budget = make(api)

    assert {name: value for name, value in budget.items() if name not in ("id", "created_at", "period_start")} == {
        "name": "All",
        "domain_id": None,
        "agent_id": None,
        "period": "month",
        "limit": "10.0000000000",
        "currency": "USD",
        "warn_at_percent": 80,
        "is_hard": False,
        "is_active": True,
        "version": 1,
        "updated_at": budget["created_at"],
        "spent": "0.0000000000",
        "remaining": "10.0000000000",
        "unknown_cost_requests": 0,
        "state": "ok",
    }
    assert budget["period_start"] == budget["created_at"][:8] + "01T00:00:00.000000Z"
    assert api.get(f"/api/budgets/{budget['id']}").json() == budget
    assert api.get("/api/budgets").json()["results"] == [budget]


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"name": " "}, "name"),
        ({"name": None}, "name"),
        ({"period": "week"}, "period"),
        ({"period": None}, "period"),
        ({"limit": None}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "100000000.0000000001"}, "limit"),
        ({"limit": "1e3"}, "limit"),
        ({"warn_at_percent": 0}, "warn_at_percent"),
        ({"warn_at_percent": 101}, "warn_at_percent"),
        ({"warn_at_percent": "80"}, "warn_at_percent"),
        ({"is_hard": 1}, "is_hard"),
        ({"spent": "0"}, "spent"),
        ({"domain_id": str(uuid.uuid4())}, "domain_id"),
        ({"agent_id": str(uuid.uuid4())}, "agent_id"),
        ({"agent_id": str(uuid.uuid4()), "domain_id": str(uuid.uuid4())}, "agent_id"),
    ],
)
def test_budget_field_that_cannot_be_used_is_named(api: ApiClient, fields: dict[str, Any], at_fault: str) -> None:
    before = snapshot()

    response = api.post("/api/budgets", {**BUDGET, **fields})

    assert response.status_code == 400
    assert fields_at_fault(response) == [at_fault]
    assert snapshot() == before


def test_name_of_a_budget_is_taken_once_in_its_organization(api: ApiClient, stranger: ApiClient) -> None:
    make(api)
    make(stranger)
    other = make(api, name="Other")
    before = snapshot()

    created = api.post("/api/budgets", BUDGET)
    renamed = api.patch(f"/api/budgets/{other['id']}", {"name": "All"})

    assert [problem_of(each)["code"] for each in (created, renamed)] == ["budget_exists"] * 2
    assert snapshot() == before


def test_budget_is_changed_under_its_version(api: ApiClient, organization: Organization) -> None:
    budget = make(api)
    path = f"/api/budgets/{budget['id']}"

    changed = api.patch(path, {"limit": "20", "is_hard": True}, if_match='"v1"')
    before = snapshot()
    stale = api.patch(path, {"limit": "30"}, if_match='"v1"')

    assert (changed.status_code, changed["ETag"]) == (200, '"v2"')
    assert (changed.json()["limit"], changed.json()["is_hard"]) == ("20.0000000000", True)
    assert (stale.status_code, stale["ETag"]) == (412, '"v2"')
    assert snapshot() == before
    assert trail(organization)[-1] == (
        "budget.updated",
        {"limit_units": 10 * 10**10, "is_hard": False},
        {"limit_units": 20 * 10**10, "is_hard": True},
    )


def test_budget_is_sent_again_as_it_stands_by_now(api: ApiClient) -> None:
    budget = make(api)
    send(api, cost="1")

    response = api.get(f"/api/budgets/{budget['id']}", if_none_match='"v1"')

    assert (response.status_code, response["ETag"], response.json()["spent"]) == (200, '"v1"', "1.0000000000")


def test_budget_is_replaced_and_deleted(api: ApiClient, organization: Organization) -> None:
    budget = make(api, is_hard=True, warn_at_percent=5)
    path = f"/api/budgets/{budget['id']}"

    unnamed = api.put(path, {**BUDGET, "name": "New"})
    replaced = api.put(path, {**BUDGET, "name": "New"}, if_match='"v1"').json()
    gone = api.delete(path, if_match='"v2"')

    assert unnamed.status_code == 428
    assert (replaced["name"], replaced["is_hard"], replaced["warn_at_percent"]) == ("New", False, 80)
    assert (gone.status_code, api.get(path).status_code) == (204, 404)
    assert [action for action, _before, _after in trail(organization)] == [
        "budget.created",
        "budget.updated",
        "budget.deleted",
    ]


def test_scope_of_a_budget_is_one(api: ApiClient, actor: SystemActor) -> None:
    domain = str(create_domain(actor=actor, fields={"name": "Sales"}).pk)
    agent = str(create_agent(actor=actor, fields={"name": "Ada"}).pk)
    budget = make(api, domain_id=domain)
    path = f"/api/budgets/{budget['id']}"

    both = api.patch(path, {"agent_id": agent})
    moved = api.patch(path, {"agent_id": agent, "domain_id": None}).json()

    assert (both.status_code, fields_at_fault(both)) == (400, ["agent_id"])
    assert (moved["domain_id"], moved["agent_id"]) == (None, agent)


@pytest.mark.parametrize("name", ["agent_id", "domain_id"])
def test_budget_for_a_foreign_row_is_refused_as_for_an_unknown_one(
    stranger: ApiClient, actor: SystemActor, name: str
) -> None:
    rows = {
        "domain_id": create_domain(actor=actor, fields={"name": "Sales"}).pk,
        "agent_id": create_agent(actor=actor, fields={"name": "Ada"}).pk,
    }
    own = make(stranger)

    for pk in (rows[name], uuid.uuid4()):
        for response in (
            stranger.post("/api/budgets", {**BUDGET, "name": "x", name: str(pk)}),
            stranger.patch(f"/api/budgets/{own['id']}", {name: str(pk)}),
        ):
            assert response.json()["errors"] == {name: [f"There is no such {name.removesuffix('_id')}."]}


def test_price_has_exactly_these_members(api: ApiClient) -> None:
    price = make_price(api)

    assert {name: value for name, value in price.items() if name not in ("id", "created_at")} == {
        "provider": "openai",
        "model": "gpt-test",
        "input_price": "0.0375000000",
        "output_price": "0.1500000000",
        "cached_input_price": None,
        "reasoning_price": None,
        "currency": "USD",
        "valid_from": price["created_at"],
        "version": 1,
        "updated_at": price["created_at"],
    }
    assert api.get(f"/api/price-overrides/{price['id']}").json() == price


def test_price_is_changed_and_deleted(api: ApiClient, organization: Organization) -> None:
    price = make_price(api, valid_from="2026-01-01T00:00:00Z")
    path = f"/api/price-overrides/{price['id']}"

    stale = api.patch(path, {"input_price": "1"}, if_match='"v9"')
    changed = api.patch(path, {"input_price": "0", "reasoning_price": "3"}, if_match='"v1"')
    gone = api.delete(path)

    assert (stale.status_code, changed.status_code, gone.status_code) == (412, 200, 204)
    assert (changed.json()["input_price"], changed.json()["reasoning_price"]) == ("0.0000000000", "3.0000000000")
    assert trail(organization)[1] == (
        "price_override.updated",
        {"input_price_units": 375_000_000, "reasoning_price_units": None},
        {"input_price_units": 0, "reasoning_price_units": 3 * 10**10},
    )
    assert [action for action, _before, _after in trail(organization)][::2] == [
        "price_override.created",
        "price_override.deleted",
    ]


def test_price_from_one_moment_on_is_set_once(api: ApiClient) -> None:
    make_price(api, valid_from="2026-01-01T00:00:00Z")
    make_price(api, valid_from="2026-01-02T00:00:00Z")
    before = snapshot()

    response = api.post("/api/price-overrides", {**PRICE, "valid_from": "2026-01-01T01:00:00+01:00"})

    assert (response.status_code, problem_of(response)["code"]) == (409, "price_exists")
    assert snapshot() == before


def test_prices_are_listed_by_model(api: ApiClient) -> None:
    for model in ("a", "b"):
        make_price(api, model=model)

    found = api.get("/api/price-overrides?provider=openai&model=b").json()["results"]

    assert [price["model"] for price in found] == ["b"]
