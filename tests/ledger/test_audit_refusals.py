"""Refusals and log-ins in the audit trail."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError

from accounts.models import ApiKey, Organization, User
from accounts.services import create_api_key
from core.ids import uuid7
from core.logs import client_address
from ledger.models import PLATFORM, AuditEntry
from ledger.services import record_login, record_refusal
from ledger.services.refusals import Recently
from tests.client import ApiClient


@pytest.fixture
def narrowed(organization: Organization) -> tuple[ApiKey, ApiClient]:
    """A key that may read agents and nothing else."""
    key, text = create_api_key(organization=organization, name="narrowed")
    ApiKey.objects.filter(pk=key.pk).update(permissions=["agent.read"])
    return key, ApiClient(text)


def entries(action: str) -> list[dict[str, Any]]:
    names = ("organization_id", "actor_kind", "actor_id", "actor_label", "after")
    return list(AuditEntry.objects.filter(action=action).order_by("id").values(*names))


def test_refusal_is_written_into_the_chain_of_the_organization(narrowed: tuple[ApiKey, ApiClient]) -> None:
    key, client = narrowed

    assert client.post("/api/agents", {"name": "Ada"}).status_code == 403

    assert entries("access.refused") == [
        {
            "organization_id": key.organization_id,
            "actor_kind": "key",
            "actor_id": key.pk,
            "actor_label": key.shown_prefix,
            "after": {"code": "agent.create", "method": "POST", "route": "/api/agents"},
        }
    ]


def test_refusal_for_the_same_code_is_written_once_a_minute(narrowed: tuple[ApiKey, ApiClient]) -> None:
    _, client = narrowed

    statuses = [client.post("/api/agents", {"name": "Ada"}).status_code for _ in range(3)]
    statuses += [client.get("/api/threads").status_code for _ in range(2)]

    assert statuses == [403] * 5
    assert [entry["after"]["code"] for entry in entries("access.refused")] == ["agent.create", "thread.read"]


@pytest.mark.parametrize("path", ["/api/agents", "/api/agents/00000000-0000-7000-8000-000000000000"])
def test_answer_that_is_no_refusal_is_not_written(narrowed: tuple[ApiKey, ApiClient], path: str) -> None:
    _, client = narrowed

    assert client.get(path).status_code in (200, 404)
    assert ApiClient(None).get(path).status_code == 401

    assert entries("access.refused") == []


def test_refusal_stands_when_it_cannot_be_written(
    narrowed: tuple[ApiKey, ApiClient], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: Any) -> None:
        raise DatabaseError("no room")

    monkeypatch.setattr("ledger.services.refusals.record_for", fail)

    assert narrowed[1].get("/api/threads").status_code == 403
    assert "could not be written" in caplog.text


def test_recently_seen_things_are_forgotten_after_their_time() -> None:
    recently = Recently(seconds=60, most=10)

    assert [recently.has_seen("a", now=moment) for moment in (0, 59.9, 60, 119, 120)] == [
        False,
        True,
        False,
        True,
        False,
    ]


def test_recently_seen_things_are_bounded() -> None:
    recently = Recently(seconds=60, most=3)

    for number in range(10):
        recently.has_seen(number, now=0)

    assert len(recently) == 3
    assert [recently.has_seen(number, now=1) for number in (9, 8, 7, 6)] == [True, True, True, False]


def test_known_key_that_is_refused_is_written_once(organization: Organization) -> None:
    key_id = uuid7()

    for cause in ("revoked", "revoked"):
        record_refusal(
            organization_id=organization.pk,
            kind="key",
            actor_id=key_id,
            label="parley_abc…",
            action="key.refused",
            after={"cause": cause},
        )

    assert entries("key.refused") == [
        {
            "organization_id": organization.pk,
            "actor_kind": "key",
            "actor_id": key_id,
            "actor_label": "parley_abc…",
            "after": {"cause": "revoked"},
        }
    ]


@pytest.mark.parametrize("action", ["user.logged_in", "user.logged_out", "user.log_in_refused"])
def test_log_in_is_written_into_every_chain_of_the_person(
    organization: Organization, other_organization: Organization, alice: User, action: str
) -> None:
    ids = [other_organization.pk, organization.pk]

    record_login(organization_ids=ids, action=action, user_id=alice.pk, label="alice", after={"way": "form"})

    common = {"actor_kind": "user", "actor_id": alice.pk, "actor_label": "alice", "after": {"way": "form"}}
    assert entries(action) == [{"organization_id": each, **common} for each in sorted(ids)]


def test_log_in_of_nobody_is_written_into_the_chain_of_the_platform(db: None) -> None:
    token = client_address.set("192.0.2.77")
    try:
        for _ in range(2):
            record_login(organization_ids=[], action="user.log_in_refused", user_id=None, after={"cause": "unknown"})
    finally:
        client_address.reset(token)

    assert entries("user.log_in_refused") == [
        {
            "organization_id": PLATFORM,
            "actor_kind": "anonymous",
            "actor_id": None,
            "actor_label": "",
            "after": {"cause": "unknown"},
        }
    ]
