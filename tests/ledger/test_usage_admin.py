"""Usage, budgets and prices in the admin: looked at, not changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.actors import SystemActor
from accounts.models import Organization
from ledger.services import create_budget, create_price_override
from tests.conftest import make_member
from tests.ledger.reports import note

USAGE = reverse("admin:ledger_usagerecord_changelist")
BUDGETS = reverse("admin:ledger_budget_changelist")
PRICES = reverse("admin:ledger_priceoverride_changelist")


@pytest.fixture
def staff(organization: Organization) -> Client:
    """A browser of alice, who owns the organization and is let into the admin."""
    alice = make_member("alice", organization)
    alice.is_staff = True
    alice.save(update_fields=["is_staff"])
    client = Client()
    client.force_login(alice)
    return client


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_usage_list_tells_the_cost_and_what_is_unknown(staff: Client, actor: SystemActor) -> None:
    note(actor, cost_units=375)
    note(actor)

    page = text_of(staff.get(USAGE))

    assert page.count('<td class="field-cost">0.0000000375 USD</td>') == 1
    assert page.count('<td class="field-cost">unknown</td>') == 1


def test_usage_list_sums_up_the_month_exactly(staff: Client, actor: SystemActor) -> None:
    for cost in (10**16 - 1, 1, 3, None):
        note(actor, cost_units=cost)
    note(actor, cost_units=7, created_at=timezone.now() - timedelta(days=40))

    everything, narrowed = staff.get(USAGE), staff.get(f"{USAGE}?cost=unknown")

    month = f"{timezone.now():%B %Y}"
    assert everything.context["month"] == {"name": month, "cost": "1000000.0000000003 USD", "calls": 4, "unknown": 1}
    assert "<strong>1000000.0000000003 USD</strong> in 4 calls; 1 of unknown cost" in text_of(everything)
    assert narrowed.context["month"] == {"name": month, "cost": "unknown", "calls": 1, "unknown": 1}


def test_usage_list_is_sorted_by_the_call_inside_an_organization_and_by_the_report_across_all(
    staff: Client, admin_client: Client, actor: SystemActor, other_organization: Organization
) -> None:
    called_last, reported_last = note(actor), note(actor, created_at=timezone.now() - timedelta(days=1))

    inside, across = (client.get(USAGE).context["cl"].result_list for client in (staff, admin_client))

    assert [row.pk for row in inside] == [called_last.pk, reported_last.pk]
    assert [row.pk for row in across] == [reported_last.pk, called_last.pk]


def test_usage_list_costs_the_same_at_one_row_and_at_three(staff: Client, actor: SystemActor) -> None:
    counts = []
    for rows in (1, 2):
        for _ in range(rows):
            note(actor, cost_units=1)
        with CaptureQueriesContext(connection) as captured:
            staff.get(USAGE)
        counts.append(len(captured))

    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("query", "models"),
    [
        ("", ["c", "b", "a"]),
        ("?provider=openai", ["b", "a"]),
        ("?model=b", ["b"]),
        ("?cost=unknown", ["b"]),
        ("?cost=known&provider=openai", ["a"]),
        ("?called_from=2100-01-01", []),
        ("?organization=rival", []),
    ],
)
def test_usage_list_is_narrowed(staff: Client, actor: SystemActor, query: str, models: list[str]) -> None:
    note(actor, model="a", cost_units=1)
    note(actor, model="b")
    note(actor, model="c", provider="other", cost_units=1)

    found = staff.get(USAGE + query)

    assert [row.model for row in found.context["cl"].result_list] == models


def test_staff_see_the_usage_of_their_organization_alone(
    staff: Client, actor: SystemActor, other_organization: Organization
) -> None:
    stranger = SystemActor(other_organization.pk)
    own, foreign = note(actor, cost_units=1), note(stranger, cost_units=5)
    create_budget(actor=stranger, fields={"name": "Foreign", "period": "day", "limit_units": 1})

    found = staff.get(USAGE)

    assert [row.pk for row in found.context["cl"].result_list] == [own.pk]
    assert found.context["month"]["cost"] == "0.0000000001 USD"
    assert staff.get(reverse("admin:ledger_usagerecord_change", args=[own.pk])).status_code == 200
    assert staff.get(reverse("admin:ledger_usagerecord_change", args=[foreign.pk])).status_code == 302
    assert list(staff.get(BUDGETS).context["cl"].result_list) == []


def test_usage_has_a_page_of_its_own_without_a_form(staff: Client, actor: SystemActor) -> None:
    row = note(actor, metadata={"a": "<b>"})

    page = text_of(staff.get(reverse("admin:ledger_usagerecord_change", args=[row.pk])))

    assert "unknown" in page
    assert "<b>" not in page
    assert 'name="_save"' not in page


@pytest.mark.parametrize("path", [USAGE, BUDGETS, PRICES])
def test_nothing_is_added_or_deleted_in_the_admin(staff: Client, actor: SystemActor, path: str) -> None:
    row = note(actor)

    assert staff.get(f"{path}add/").status_code == 403
    assert staff.post(f"{path}{row.pk}/delete/", {"post": "yes"}).status_code in (302, 403)
    assert type(row).objects.filter(organization_id=actor.organization_id, pk=row.pk).exists()


def test_nobody_gets_in_without_a_log_in(db: None) -> None:
    assert Client().get(USAGE).status_code == 302


def test_budgets_are_listed_with_their_state(staff: Client, actor: SystemActor) -> None:
    for name, limit in (("Plenty", 10**12), ("Near", 12), ("Used up", 10)):
        create_budget(actor=actor, fields={"name": name, "period": "month", "limit_units": limit})
    note(actor, cost_units=10)

    response = staff.get(BUDGETS)

    page = text_of(response)
    states = {row.name: row.standing.state for row in response.context["cl"].result_list}
    assert states == {"Plenty": "ok", "Near": "warning", "Used up": "exceeded"}
    assert page.count('<td class="field-spent">0.0000000010 USD</td>') == 3
    assert '<td class="field-state">exceeded</td>' in page


def test_budget_list_costs_the_same_at_one_row_and_at_three(staff: Client, actor: SystemActor) -> None:
    counts = []
    for names in (["a"], ["b", "c"]):
        for name in names:
            create_budget(actor=actor, fields={"name": name, "period": "month", "limit_units": 1})
        with CaptureQueriesContext(connection) as captured:
            staff.get(BUDGETS)
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_budget_has_a_page_of_its_own(staff: Client, actor: SystemActor) -> None:
    row = create_budget(actor=actor, fields={"name": "All", "period": "month", "limit_units": 30})
    note(actor, cost_units=10)

    page = text_of(staff.get(reverse("admin:ledger_budget_change", args=[row.pk])))

    assert "0.0000000020 USD" in page


def test_prices_are_listed(staff: Client, actor: SystemActor) -> None:
    fields = {"provider": "openai", "model": "gpt-test", "input_price_units": 375, "output_price_units": 1}
    row = create_price_override(actor=actor, fields=fields)

    listed = text_of(staff.get(PRICES))
    page = text_of(staff.get(reverse("admin:ledger_priceoverride_change", args=[row.pk])))

    assert '<td class="field-input_price">0.0000000375 USD</td>' in listed
    assert "as input" in page
