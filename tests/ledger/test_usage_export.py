"""Exports of usage: complete, in order, streamed, written down."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from accounts.models import Organization
from ledger.models import AuditEntry
from ledger.services import usage_export
from tests.api.problems import problem_of
from tests.client import ApiClient
from tests.ledger.reports import send


def pieces(response: Any) -> list[bytes]:
    assert response.status_code == 200
    assert response.streaming
    return list(response.streaming_content)


def test_jsonl_has_every_record_as_the_api_shows_it(
    api: ApiClient, stranger: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_export, "ROWS_AT_ONCE", 2)
    moments = [f"2026-01-0{day}T00:00:00Z" for day in (3, 1, 2, 2, 2)]
    records = [send(api, created_at=moment, metadata={"n": [1, "ü"]}) for moment in moments]
    send(stranger)

    response = api.get("/api/usage/export?format=jsonl")
    found = pieces(response)

    assert len(found) == 3
    lines = [json.loads(line) for line in b"".join(found).splitlines()]
    assert lines == sorted(records, key=lambda record: (record["created_at"], record["id"]))
    assert response["Content-Type"] == "application/x-ndjson"
    assert response["Content-Disposition"].endswith('.jsonl"')


def test_csv_has_a_line_for_each_record_and_no_formula(api: ApiClient) -> None:
    sent = send(api, model="=1+1", provider="a,b", cost="0.5", external_id="-e", metadata={"a": 'q"'})
    send(api, created_at="2026-01-01T00:00:00Z")

    text = b"".join(pieces(api.get("/api/usage/export", accept="text/csv"))).decode()

    [unknown, known] = list(csv.DictReader(io.StringIO(text, newline="")))
    assert unknown["cost"] == ""
    assert known == {
        **{name: "" if value is None else str(value) for name, value in sent.items()},
        "model": "'=1+1",
        "external_id": "'-e",
        "metadata": '{"a": "q\\""}',
    }


def test_export_is_written_down(api: ApiClient, organization: Organization) -> None:
    send(api)

    pieces(api.get("/api/usage/export?format=csv&model=gpt-test&created_after=2026-01-01T00:00:00Z"))

    entry = AuditEntry.objects.filter(organization_id=organization.pk).latest("sequence")
    assert (entry.action, entry.after) == (
        "usage.exported",
        {"format": "csv", "filters": {"created_after": "2026-01-01T00:00:00Z", "model": "gpt-test"}},
    )


def test_export_is_narrowed_as_lists_are(api: ApiClient) -> None:
    send(api, model="a")
    send(api, model="b")

    lines = b"".join(pieces(api.get("/api/usage/export?model=b"))).splitlines()

    assert [json.loads(line)["model"] for line in lines] == ["b"]


@pytest.mark.parametrize("query", ["format=xml", "format=json", "limit=5", "model=a&model=b", "by=day"])
def test_export_refuses_what_it_does_not_know(api: ApiClient, organization: Organization, query: str) -> None:
    before = AuditEntry.objects.filter(organization_id=organization.pk).count()

    response = api.get(f"/api/usage/export?{query}")

    assert problem_of(response)["code"] == "invalid_parameter"
    assert AuditEntry.objects.filter(organization_id=organization.pk).count() == before
