"""The log of requests: who asked for what and how long it took, and nothing of what was said."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils.functional import SimpleLazyObject
from pytest_django import Settings

from accounts.models import ApiKey, Organization, User
from conversations.models import Thread
from tests.client import ApiClient
from tests.telemetry.conftest import Lines

REQUESTS, STATEMENTS = "parley.requests", "parley.statements"
TIMES = {"time", "duration_ms", "database_ms"}


def slowly(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    if "conversations_message" in sql:
        time.sleep(0.03)
    return run(sql, params, many, context)


def without_times(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in TIMES}


@pytest.fixture
def all_requests(settings: Settings) -> None:
    settings.LOG_REQUESTS = "all"


def test_a_line_has_members_and_no_text(
    all_requests: None, api: ApiClient, thread: Thread, organization: Organization, lines: Lines
) -> None:
    response = api.get(f"/api/threads/{thread.pk}/messages?limit=7", x_request_id="r-1")

    [line] = lines.of(REQUESTS)
    key = ApiKey.objects.get()
    assert without_times(line) | {"statements": 0, "message": ""} == {
        "level": "INFO",
        "logger": REQUESTS,
        "request_id": "r-1",
        "message": "",
        "method": "GET",
        "route": "/api/threads/{pk}/messages",
        "status": 200,
        "actor": {
            "kind": "key",
            "organization_id": str(organization.pk),
            "key_id": str(key.pk),
            "key": line["actor"]["key"],
        },
        "statements": 0,
        "bytes": len(response.content),
    }
    assert line["statements"] >= 2
    assert line["message"] == f"GET /api/threads/{{pk}}/messages 200, {line['duration_ms']} ms"
    assert line["duration_ms"] >= line["database_ms"] > 0
    assert line["actor"]["key"].startswith("parley_")
    assert api.key is not None
    assert api.key not in json.dumps(line)
    assert api.key[:25] not in json.dumps(line)


def test_a_person_is_named_by_id_alone(
    all_requests: None, alice: User, organization: Organization, lines: Lines
) -> None:
    browser = Client()
    browser.force_login(alice)
    browser.get("/api/threads")
    browser.get("/admin/login/")
    Client().get("/admin/login/")

    [api, page, anonymous] = [line["actor"] for line in lines.of(REQUESTS)]
    person = {"kind": "user", "user_id": str(alice.pk)}
    assert api == {**person, "organization_id": str(organization.pk)}
    assert (page, anonymous) == (person, {"kind": "anonymous"})


def test_who_is_not_known_yet_is_not_looked_up(all_requests: None, lines: Lines) -> None:
    """A page that asks for no user costs no statement, and the log adds none."""
    assert not isinstance(Client().get("/favicon.ico").wsgi_request.__dict__.get("_cached_user"), SimpleLazyObject)

    [line] = lines.of(REQUESTS)
    assert (line["actor"], line["statements"], line["route"]) == ({"kind": "anonymous"}, 0, "/favicon.ico")


@pytest.mark.django_db
@pytest.mark.parametrize("choice", ["none", "slow"])
def test_quick_requests_are_not_logged(settings: Settings, api: ApiClient, lines: Lines, choice: str) -> None:
    settings.LOG_REQUESTS = choice
    settings.SLOW_REQUEST_MS = 3_600_000

    api.get("/api/threads")

    assert lines.of(REQUESTS) == []


def test_slow_requests_are_logged_as_warnings(settings: Settings, api: ApiClient, thread: Thread, lines: Lines) -> None:
    settings.LOG_REQUESTS = "slow"
    settings.SLOW_REQUEST_MS = 20

    with connection.execute_wrapper(slowly):
        api.get(f"/api/threads/{thread.pk}/messages")

    [line] = lines.of(REQUESTS)
    assert (line["level"], line["route"], line["status"]) == ("WARNING", "/api/threads/{pk}/messages", 200)
    assert line["duration_ms"] >= 20


def test_slow_statements_are_logged_without_values(
    settings: Settings, api: ApiClient, thread: Thread, lines: Lines
) -> None:
    settings.SLOW_QUERY_MS = 20
    with connection.execute_wrapper(slowly):
        api.post(f"/api/threads/{thread.pk}/messages", {"role": "user", "content": "sparrow"}, x_request_id="r-2")

    found = lines.of(STATEMENTS)

    assert {(line["level"], line["route"], line["method"], line["request_id"]) for line in found} == {
        ("WARNING", "/api/threads/{pk}/messages", "POST", "r-2")
    }
    assert {"conversations_message" in line["statement"] for line in found} == {True}
    assert min(line["duration_ms"] for line in found) >= 20
    assert "sparrow" not in "".join(lines.texts)
    assert str(thread.pk) not in "".join(line["statement"] for line in found)


def test_quick_statements_are_not_logged(settings: Settings, api: ApiClient, thread: Thread, lines: Lines) -> None:
    settings.SLOW_QUERY_MS = 3_600_000

    api.get(f"/api/threads/{thread.pk}")

    assert lines.of(STATEMENTS) == []
    assert len(connection.execute_wrappers) == 1


@pytest.mark.django_db
def test_without_an_observer_statements_are_not_timed(settings: Settings, api: ApiClient) -> None:
    settings.LOG_REQUESTS = "slow"

    api.get("/api/threads")

    assert connection.execute_wrappers == []
