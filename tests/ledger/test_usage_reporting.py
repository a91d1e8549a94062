"""Usage is reported, read back and never changed."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actors import SystemActor
from accounts.models import Organization
from agents_app.services import create_agent, trash_agent
from conversations.models import Thread
from conversations.services import trash_thread
from core.renderers import format_datetime
from ledger.models import UsageRecord
from ledger.models.usage import MAX_TOKENS
from tests.api.problems import fields_at_fault, problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.ledger.reports import REPORT, note, send


def test_record_has_exactly_these_members(api: ApiClient) -> None:
    record = send(api)

    assert {name: value for name, value in record.items() if name not in ("id", "key_id", "created_at")} == {
        "provider": "openai",
        "model": "gpt-test",
        "input_tokens": 10,
        "output_tokens": 5,
        "cached_input_tokens": 0,
        "reasoning_tokens": 0,
        "latency_ms": None,
        "cost": None,
        "cost_units": None,
        "currency": "USD",
        "price_source": "",
        "price_date": None,
        "thread_id": None,
        "message_id": None,
        "agent_id": None,
        "domain_id": None,
        "user_id": None,
        "external_id": None,
        "metadata": {},
        "version": 1,
        "recorded_at": record["created_at"],
    }
    assert api.get(f"/api/usage/{record['id']}").json() == record


def test_record_keeps_what_was_sent(api: ApiClient, actor: SystemActor, thread: Thread) -> None:
    agent = create_agent(actor=actor, fields={"name": "Ada"})
    sent = {
        "provider": " Own provider ",
        "model": "own/model:7b",
        "input_tokens": MAX_TOKENS,
        "output_tokens": 7,
        "cached_input_tokens": 3,
        "reasoning_tokens": 7,
        "latency_ms": 0,
        "cost_units": 375,
        "thread_id": str(thread.pk),
        "message_id": str(uuid.uuid4()),
        "agent_id": str(agent.pk),
        "external_id": "call-1",
        "metadata": {"a": [1, None, 2**70]},
        "created_at": "2026-01-31T23:59:59.999999Z",
    }

    record = send(api, **sent)

    read = api.get(f"/api/usage/{record['id']}").json()
    assert {name: read[name] for name in sent} == sent
    assert (read["price_source"], read["cost"]) == ("reported", "0.0000000375")


def test_record_names_the_key_that_reported_it(api: ApiClient, organization: Organization) -> None:
    record = send(api)

    row = UsageRecord.objects.get(pk=record["id"])
    assert (str(row.key_id), row.organization_id) == (record["key_id"], organization.pk)
    assert record["key_id"] is not None


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"provider": ""}, "provider"),
        ({"provider": "x" * 51}, "provider"),
        ({"model": " "}, "model"),
        ({"model": "x" * 101}, "model"),
        ({"input_tokens": -1}, "input_tokens"),
        ({"input_tokens": MAX_TOKENS + 1}, "input_tokens"),
        ({"input_tokens": None}, "input_tokens"),
        ({"output_tokens": 2.0}, "output_tokens"),
        ({"cached_input_tokens": 11}, "cached_input_tokens"),
        ({"reasoning_tokens": 6}, "reasoning_tokens"),
        ({"latency_ms": -1}, "latency_ms"),
        ({"latency_ms": 1.5}, "latency_ms"),
        ({"cost": "-1"}, "cost"),
        ({"cost": "1e-5"}, "cost"),
        ({"cost": "1000000"}, "cost"),
        ({"cost": 10**6}, "cost"),
        ({"cost": "0.0000001"}, "cost"),
        ({"cost": "0.00000000001"}, "cost"),
        ({"cost_units": -1}, "cost_units"),
        ({"cost_units": 10**16}, "cost_units"),
        ({"cost_units": 1.0}, "cost_units"),
        ({"cost_units": 1, "cost": "0.1"}, "cost_units"),
        ({"cost": 123456.5}, "cost"),
        ({"cost": True}, "cost"),
        ({"currency": "EUR"}, "currency"),
        ({"price_source": "reported"}, "price_source"),
        ({"key_id": str(uuid.uuid4())}, "key_id"),
        ({"user_id": str(uuid.uuid4())}, "user_id"),
        ({"recorded_at": "2026-01-01T00:00:00Z"}, "recorded_at"),
        ({"external_id": ""}, "external_id"),
        ({"external_id": "x" * 256}, "external_id"),
        ({"metadata": []}, "metadata"),
        ({"metadata": None}, "metadata"),
        ({"created_at": "2026-01-01T00:00:00"}, "created_at"),
        ({"created_at": None}, "created_at"),
        ({"created_at": "9999-01-01T00:00:00Z"}, "created_at"),
        ({"thread_id": str(uuid.uuid4())}, "thread_id"),
        ({"agent_id": str(uuid.uuid4())}, "agent_id"),
        ({"domain_id": str(uuid.uuid4())}, "domain_id"),
        ({"message_id": "x"}, "message_id"),
        ({"total_tokens": 15}, "total_tokens"),
    ],
)
def test_field_that_cannot_be_used_is_named(api: ApiClient, fields: dict[str, Any], at_fault: str) -> None:
    before = snapshot()

    response = api.post("/api/usage", {**REPORT, **fields})

    assert response.status_code == 400
    assert fields_at_fault(response) == [at_fault]
    assert snapshot() == before


@pytest.mark.parametrize("name", ["provider", "model", "input_tokens", "output_tokens"])
def test_field_that_is_missing_is_named(api: ApiClient, name: str) -> None:
    response = api.post("/api/usage", {other: value for other, value in REPORT.items() if other != name})

    assert response.status_code == 400
    assert fields_at_fault(response) == [name]


@pytest.mark.parametrize(("minutes", "status"), [(59, 201), (61, 400)])
def test_clock_may_be_an_hour_ahead(api: ApiClient, minutes: int, status: int) -> None:
    moment = format_datetime(timezone.now() + timedelta(minutes=minutes))

    assert api.post("/api/usage", {**REPORT, "created_at": moment}).status_code == status


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_record_cannot_be_changed(api: ApiClient, method: str) -> None:
    record = send(api, cost="1")
    before = snapshot()

    response = api.send(method, f"/api/usage/{record['id']}", {"cost": "2"}, if_match="*")

    assert response.status_code == 405
    assert snapshot() == before


def test_record_that_is_known_is_not_sent_again(api: ApiClient) -> None:
    path = f"/api/usage/{send(api)['id']}"
    tag = api.get(path)["ETag"]

    response = api.get(path, if_none_match=tag)

    assert (tag, response.status_code, response.content) == ('"v1"', 304, b"")


def test_external_id_makes_a_report_count_once(api: ApiClient) -> None:
    first = send(api, external_id="call-1", cost="0.5")

    again = send(api, external_id="call-1", cost="0.5000", cached_input_tokens=0)

    assert again == first
    assert UsageRecord.objects.filter(external_id="call-1").count() == 1


@pytest.mark.parametrize(
    "fields", [{"output_tokens": 6}, {"cost": "0.5"}, {"metadata": {"a": 1}}, {"created_at": "2026-01-01T00:00:00Z"}]
)
def test_external_id_of_another_report_is_refused(api: ApiClient, fields: dict[str, Any]) -> None:
    send(api, external_id="call-1")
    before = snapshot()

    response = api.post("/api/usage", {**REPORT, "external_id": "call-1", **fields})

    assert response.status_code == 409
    assert problem_of(response)["code"] == "usage_exists"
    assert snapshot() == before


def test_external_id_belongs_to_its_organization(api: ApiClient, stranger: ApiClient) -> None:
    first = send(api, external_id="call-1")

    second = send(stranger, external_id="call-1", output_tokens=6)

    assert first["id"] != second["id"]


def test_usage_of_what_lies_in_the_trash_is_recorded(api: ApiClient, actor: SystemActor, thread: Thread) -> None:
    agent = create_agent(actor=actor, fields={"name": "Ada"})
    trash_agent(actor=actor, agent_id=agent.pk)
    trash_thread(actor=actor, thread_id=thread.pk)

    record = send(api, thread_id=str(thread.pk), agent_id=str(agent.pk))

    assert (record["thread_id"], record["agent_id"]) == (str(thread.pk), str(agent.pk))


@pytest.mark.parametrize(
    "values",
    [
        {"cost_units": -1},
        {"cost_units": 10**16},
        {"input_tokens": MAX_TOKENS + 1},
        {"output_tokens": -1, "reasoning_tokens": -1},
        {"cached_input_tokens": 11},
        {"reasoning_tokens": 6},
        {"latency_ms": -1},
    ],
)
def test_database_refuses_what_no_record_holds(actor: SystemActor, values: dict[str, int]) -> None:
    row = note(actor)

    with pytest.raises(IntegrityError), transaction.atomic():
        UsageRecord.objects.filter(organization_id=actor.organization_id, pk=row.pk).update(**values)
