"""Many calls in one request: all or none."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actors import SystemActor
from accounts.services.domains import create_domain
from agents_app.services import create_agent
from conversations.models import Thread
from ledger.models import UsageRecord
from ledger.services import create_budget
from tests.api.problems import fields_at_fault, problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.ledger.reports import PRICED, REPORT, send

PATH = "/api/usage/batch"


def test_batch_is_recorded_in_order(api: ApiClient) -> None:
    sent = [
        {**REPORT, "model": f"m{index}", "external_id": f"e{index}" if index % 2 else None} for index in range(1000)
    ]

    response = api.post(PATH, {"records": sent})

    assert response.status_code == 201
    records = response.json()["records"]
    assert [(record["model"], record["external_id"]) for record in records] == [
        (each["model"], each["external_id"]) for each in sent
    ]
    assert api.get(f"/api/usage/{records[7]['id']}").json() == records[7]


@pytest.mark.parametrize(
    ("records", "at_fault"),
    [
        ([], ["records"]),
        ([REPORT] * 1001, ["records"]),
        ({}, ["records"]),
        ([1], ["records.0"]),
        ([REPORT, {**REPORT, "provider": ""}], ["records.1.provider"]),
        ([REPORT, {**REPORT, "cached_input_tokens": 11}, {**REPORT, "cost": 1e-11}], ["records.2.cost"]),
        (
            [{**REPORT, "reasoning_tokens": 6}, {**REPORT, "cached_input_tokens": 11}],
            [
                "records.0.reasoning_tokens",
                "records.1.cached_input_tokens",
            ],
        ),
        ([REPORT, {**REPORT, "agent_id": "01890000-0000-7000-8000-00000000000a"}], ["records.1.agent_id"]),
        ([{**REPORT, "external_id": "e"}] * 2, ["records.1.external_id"]),
    ],
)
def test_batch_that_cannot_be_used_leaves_nothing(api: ApiClient, records: Any, at_fault: list[str]) -> None:
    before = snapshot()

    response = api.post(PATH, {"records": records})

    assert response.status_code == 400
    assert fields_at_fault(response) == at_fault
    assert snapshot() == before


def test_batch_that_is_sent_again_counts_once(api: ApiClient) -> None:
    records = [{**REPORT, "external_id": f"e{index}", "output_tokens": index} for index in range(3)]
    first = api.post(PATH, {"records": records}).json()

    again = api.post(PATH, {"records": [*records[::-1], {**REPORT, "external_id": "new"}]}).json()

    assert again["records"][:3] == first["records"][::-1]
    assert UsageRecord.objects.filter(external_id__isnull=False).count() == 4


def test_batch_with_one_other_report_leaves_nothing(api: ApiClient) -> None:
    send(api, external_id="e1")
    before = snapshot()
    records = [{**REPORT, "external_id": "e0"}, {**REPORT, "external_id": "e1", "output_tokens": 6}]

    response = api.post(PATH, {"records": records})

    assert response.status_code == 409
    assert problem_of(response)["code"] == "usage_exists"
    assert snapshot() == before


def statements(api: ApiClient, records: list[dict[str, Any]]) -> list[str]:
    api.get("/api/agents")  # stamps the key as used, once a minute
    with CaptureQueriesContext(connection) as captured:
        response = api.post(PATH, {"records": records})
    assert response.status_code == 201
    marks = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
    return [query["sql"] for query in captured.captured_queries if not query["sql"].startswith(marks)]


def test_batch_costs_no_statement_for_each_record(api: ApiClient) -> None:
    one = statements(api, [PRICED])
    many = statements(api, [{**PRICED, "model": f"m{index}"} for index in range(20)])

    assert len(one) == len(many) == 1 + 1 + 1 + 1  # the key, the own prices, the records, the budgets


def test_batch_with_external_ids_costs_a_statement_more(api: ApiClient) -> None:
    found = statements(api, [{**PRICED, "external_id": f"e{index}", "cost": "1"} for index in range(20)])

    assert len(found) == 1 + 2 + 1  # the key, the records and a look at them, the budgets


def test_record_that_names_rows_costs_a_look_at_each_kind(api: ApiClient, actor: SystemActor, thread: Thread) -> None:
    agent = create_agent(actor=actor, fields={"name": "Ada"})
    domain = create_domain(actor=actor, fields={"name": "Sales"})
    named = {"agent_id": str(agent.pk), "thread_id": str(thread.pk), "domain_id": str(domain.pk)}
    create_budget(actor=actor, fields={"name": "Sales", "domain_id": domain.pk, "period": "day", "limit_units": 1})

    found = statements(api, [{**PRICED, **named}] * 9)

    assert len(found) == 4 + 3 + 1  # as above, a look at each kind, what was spent of the budget
