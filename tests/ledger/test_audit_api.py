"""The audit trail over the API: read-only, and only one's own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actors import KeyActor, SystemActor
from accounts.models import ApiKey, Domain, Organization, User
from accounts.services import create_api_key
from core.ids import uuid7
from core.renderers import format_datetime
from ledger.models import AuditEntry
from ledger.services import Subject, record
from ledger.services.audit_export import COLUMNS
from tests.api.problems import problem_of
from tests.client import ApiClient
from tests.conftest import make_member

START = datetime(2026, 1, 1, tzinfo=UTC)

Write = Callable[..., AuditEntry]


@pytest.fixture
def write(actor: SystemActor) -> Write:
    """Write entries an hour apart."""
    moments = iter(START + timedelta(hours=number) for number in range(1000))

    def write_entry(action: str = "thing.changed", *, by: Any = actor, on: Subject | None = None, **more: Any) -> Any:
        subject = on or Subject("thing", by.organization_id)
        return record(actor=by, action=action, subject=subject, now=next(moments), **more)

    return write_entry


def listed(api: ApiClient, query: str = "") -> list[str]:
    """The ids of the entries of a page."""
    response = api.get(f"/api/audit{query}")
    assert response.status_code == 200, response.content
    return [entry["id"] for entry in response.json()["results"]]


def ids(*entries: AuditEntry) -> list[str]:
    return [str(entry.pk) for entry in entries]


def test_entry_has_exactly_these_members(api: ApiClient, write: Write) -> None:
    entry = write(before={"a": 1}, after={"a": [2.5, None]}, reason="asked for")

    response = api.get(f"/api/audit/{entry.pk}")

    assert response.status_code == 200
    assert response.json() == {
        "id": str(entry.pk),
        "sequence": entry.sequence,
        "action": "thing.changed",
        "actor_kind": "system",
        "actor_id": None,
        "actor_label": "manage.py",
        "subject_type": "thing",
        "subject_id": str(entry.organization_id),
        "subject_label": "",
        "before": {"a": 1},
        "after": {"a": [2.5, None]},
        "reason": "asked for",
        "request_id": "",
        "address": "",
        "created_at": "2026-01-01T00:00:00.000000Z",
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }
    assert response["ETag"] == f'"{entry.hash}"'


def test_entry_that_is_known_is_not_sent_again(api: ApiClient, write: Write) -> None:
    entry = write()

    known = api.get(f"/api/audit/{entry.pk}", if_none_match=f'"{entry.hash}"')
    other = api.get(f"/api/audit/{entry.pk}", if_none_match='"v1"')

    assert (known.status_code, known.content, known["ETag"]) == (304, b"", f'"{entry.hash}"')
    assert other.status_code == 200


def test_list_goes_from_the_newest_entry_on(api: ApiClient, write: Write) -> None:
    entries = [write() for _ in range(5)]

    page = api.get("/api/audit?limit=2").json()
    behind = api.get(page["next"]).json()

    shown = [entry["id"] for entry in (*page["results"], *behind["results"])]
    assert shown == ids(*entries[:0:-1])
    assert listed(api, "?order=asc")[-5:] == ids(*entries)


def test_list_is_filtered(api: ApiClient, write: Write, organization: Organization, actor: SystemActor) -> None:
    key = KeyActor(organization.pk, actor.organization_id, "key")
    first = write("thing.created")
    second = write(by=key)
    third = write(on=Subject("other", uuid7()))

    moment = format_datetime(second.created_at)
    assert listed(api, "?action=thing.created") == ids(first)
    assert listed(api, f"?actor_id={key.key_id}") == ids(second)
    assert listed(api, "?subject_type=other") == ids(third)
    assert listed(api, f"?subject_id={third.subject_id}") == ids(third)
    assert listed(api, f"?action=thing.changed&created_after={moment}") == ids(third, second)
    assert listed(api, f"?subject_type=thing&created_before={moment}") == ids(first)
    assert listed(api, "?action=thing") == []


def test_list_is_filtered_by_request(api: ApiClient) -> None:
    api.send("POST", "/api/agents", {"name": "Ada"}, x_request_id="r-1")
    api.send("POST", "/api/agents", {"name": "Bob"}, x_request_id="r-2")

    [entry] = api.get("/api/audit?request_id=r-2").json()["results"]

    assert (entry["action"], entry["subject_label"], entry["address"]) == ("agent.created", "Bob", "127.0.0.1")


@pytest.mark.parametrize(
    "query",
    ["actor_id=x", "subject_id=1", "created_after=yesterday", "created_before=2026-01-01", "actor=x", "limit=0"],
)
def test_parameter_that_cannot_be_used_is_named(api: ApiClient, query: str) -> None:
    response = api.get(f"/api/audit?{query}")

    assert response.status_code == 400
    assert list(problem_of(response)["errors"]) == [query.partition("=")[0]]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/api/audit", "/api/audit/{id}", "/api/audit/export", "/api/v1/audit/{id}/"])
def test_nothing_can_be_written(api: ApiClient, write: Write, method: str, path: str) -> None:
    entry = write()
    before = list(AuditEntry.objects.values())

    response = api.send(method, path.format(id=entry.pk), {"action": "thing.forged"})

    assert response.status_code == 405
    assert list(AuditEntry.objects.values()) == before


def test_stranger_sees_nothing(api: ApiClient, stranger: ApiClient, write: Write) -> None:
    entry = write()
    unknown = stranger.get("/api/audit/00000000-0000-7000-8000-000000000000")

    found = stranger.get(f"/api/audit/{entry.pk}")

    assert (found.status_code, found.content) == (404, unknown.content)
    assert str(entry.pk) in listed(api)
    assert str(entry.pk) not in listed(stranger)
    exported = b"".join(stranger.get("/api/audit/export?format=jsonl").streaming_content)
    assert str(entry.pk).encode() not in exported


def key_of(organization: Organization, *, permissions: list[str]) -> ApiClient:
    key, text = create_api_key(organization=organization, name="narrowed")
    ApiKey.objects.filter(pk=key.pk).update(permissions=permissions)
    return ApiClient(text)


@pytest.mark.parametrize(
    ("permissions", "statuses"),
    [
        (["audit.read", "audit.export"], [200, 200, 200]),
        (["audit.read"], [200, 200, 403]),
        (["audit.export"], [403, 403, 200]),
        (["agent.read"], [403, 403, 403]),
    ],
)
def test_reading_and_exporting_need_a_permission_each(
    organization: Organization, write: Write, permissions: list[str], statuses: list[int]
) -> None:
    entry = write()
    client = key_of(organization, permissions=permissions)

    paths = ["/api/audit", f"/api/audit/{entry.pk}", "/api/audit/export?format=jsonl"]
    assert [client.get(path).status_code for path in paths] == statuses


def test_member_who_is_narrowed_to_a_domain_sees_nothing(organization: Organization, write: Write) -> None:
    entry = write()
    domain = Domain.objects.create(organization=organization, slug="one", name="One")
    client = Client()
    client.force_login(make_member("dora", organization, role="auditor", domain=domain))

    assert client.get("/api/audit").status_code == 403
    assert client.get(f"/api/audit/{entry.pk}").status_code == 403


def test_auditor_reads_the_trail(organization: Organization, write: Write) -> None:
    write()
    client = Client()
    client.force_login(make_member("audrey", organization, role="auditor"))

    assert client.get("/api/audit", headers={"accept": "application/json"}).status_code == 200


@pytest.mark.parametrize("count", [1, 3])
def test_list_costs_the_same_at_any_length(api: ApiClient, write: Write, count: int) -> None:
    for _ in range(count):
        write()
    api.get("/api/audit")

    with CaptureQueriesContext(connection) as captured:
        api.get("/api/audit")

    statements = [query["sql"] for query in captured.captured_queries]
    assert len(statements) == 2  # the key, the entries
    assert not [sql for sql in statements if "COUNT(" in sql or "OFFSET" in sql]


def exported(api: ApiClient, query: str) -> bytes:
    response = api.get(f"/api/audit/export?{query}")
    assert response.status_code == 200
    return b"".join(response.streaming_content)


def test_export_as_jsonl_holds_every_entry_and_is_one_itself(
    api: ApiClient, write: Write, organization: Organization
) -> None:
    entries = [write(after={"number": number}) for number in range(3)]

    response = api.get("/api/audit/export?format=jsonl&subject_type=thing")

    lines = [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]
    assert [(line["id"], line["hash"], line["after"]) for line in lines] == [
        (str(entry.pk), entry.hash, entry.after) for entry in entries
    ]
    assert [tuple(line) for line in lines] == [COLUMNS] * 3
    assert response["Content-Type"] == "application/x-ndjson"
    assert response["Content-Disposition"].startswith('attachment; filename="audit-')
    told = AuditEntry.objects.filter(organization_id=organization.pk).latest("sequence")
    assert (told.action, told.actor_kind) == ("audit.exported", "key")
    assert told.after == {"format": "jsonl", "filters": {"subject_type": "thing"}}


def test_export_as_csv_holds_no_formula(api: ApiClient, write: Write) -> None:
    write(on=Subject("thing", None, "=1+1"), reason="@SUM(A1)", after={"a": 1})

    text = exported(api, "format=csv&subject_type=thing").decode()

    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert tuple(row) == COLUMNS
    assert (row["subject_label"], row["reason"], row["after"], row["before"]) == ("'=1+1", "'@SUM(A1)", '{"a": 1}', "")


def test_export_reads_portion_by_portion(api: ApiClient, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.services.audit_export.ROWS_AT_ONCE", 2)
    entries = [write() for _ in range(5)]

    lines = exported(api, "format=jsonl&action=thing.changed").splitlines()

    assert [json.loads(line)["id"] for line in lines] == ids(*entries)


def test_export_without_permission_is_not_written_down_as_one(
    organization: Organization, alice: User, write: Write
) -> None:
    write()
    client = key_of(organization, permissions=["audit.read"])

    assert client.get("/api/audit/export?format=csv").status_code == 403

    assert AuditEntry.objects.filter(action="audit.exported").count() == 0
