"""What is counted of requests: by route and status, and never by what a client chose to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings

from conversations.models import Thread
from core import viewsets
from tests.client import ApiClient
from tests.telemetry.conftest import Numbers

Scrape = Callable[[], Numbers]


def requests(found: Numbers) -> dict[tuple[str, str, str], float]:
    """`{(method, route, status): count}`."""
    return {
        (values["method"], values["route"], values["status"]): number
        for (name, labels), number in found.items()
        if name == "http_requests_total" and (values := dict(labels))
    }


def test_requests_are_counted_by_route_and_status(scrape: Scrape, api: ApiClient, thread: Thread) -> None:
    api.get(f"/api/threads/{thread.pk}")
    api.get(f"/api/threads/{thread.pk}/")
    api.get("/api/threads/nobody")
    api.post(f"/api/threads/{thread.pk}/messages", {"role": "user"})
    Client().get("/admin/login/")
    ApiClient(None).get("/healthz")

    assert requests(scrape()) == {
        ("GET", "/api/threads/{pk}", "200"): 2,
        ("GET", "/api/threads/{pk}", "404"): 1,
        ("POST", "/api/threads/{pk}/messages", "201"): 1,
        ("GET", "/admin/login", "200"): 1,
        ("GET", "/healthz", "200"): 1,
    }


def test_what_clients_make_up_is_one_row(scrape: Scrape, api: ApiClient) -> None:
    for word in ("a", "b", "c"):
        api.get(f"/{word}")
        api.get(f"/api/{word}")
        api.get(f"/api/threads?{word}=1")
        api.send(word.upper() * 3, "/api/threads")

    assert requests(scrape()) == {
        ("GET", "unmatched", "404"): 6,
        ("GET", "/api/threads", "400"): 3,
        ("OTHER", "/api/threads", "405"): 3,
    }


def test_time_and_statements_are_counted(scrape: Scrape, api: ApiClient, thread: Thread) -> None:
    api.get(f"/api/threads/{thread.pk}")
    api.get("/healthz")

    found = scrape()

    row = (("method", "GET"), ("route", "/api/threads/{pk}"))
    probe = (("method", "GET"), ("route", "/healthz"))
    assert found["http_request_duration_seconds_count", row] == 1
    assert found["http_request_duration_seconds_sum", row] > found["http_request_database_seconds_sum", row] > 0
    assert found["http_request_duration_seconds_bucket", (("le", "+Inf"), *row)] == 1
    assert found["http_request_duration_seconds_bucket", (("le", "0.001"), *row)] in (0, 1)
    assert found["http_request_statements_total", row] >= 2
    assert (found["http_request_statements_total", probe], found["http_request_database_seconds_sum", probe]) == (0, 0)


def test_replays_are_counted(scrape: Scrape, api: ApiClient, thread: Thread) -> None:
    for _ in range(3):
        api.post(f"/api/threads/{thread.pk}/messages", {"role": "user"}, idempotency_key="k")

    assert scrape()["parley_idempotent_replays_total", ()] == 2


def test_throttled_requests_are_counted(scrape: Scrape, api: ApiClient, settings: Settings) -> None:
    settings.THROTTLE_KEY_PER_MINUTE = 4

    statuses = [api.get("/api/threads").status_code for _ in range(4)]

    assert scrape()["parley_throttled_requests_total", ()] == statuses.count(429) > 0


def test_outages_and_unforeseen_errors_are_counted_by_cause(
    scrape: Scrape, api: ApiClient, thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if "INSERT INTO" in sql:
            raise OperationalError("database is locked")
        return run(sql, params, many, context)

    def broken(*_args: Any) -> Any:
        raise LookupError("unforeseen")

    with connection.execute_wrapper(locked):
        api.post(f"/api/threads/{thread.pk}/messages", {"role": "user"})
    api._client.raise_request_exception = False
    monkeypatch.setattr(viewsets, "etag", broken)
    api.get(f"/api/threads/{thread.pk}")

    found = scrape()

    causes = {labels: number for (name, labels), number in found.items() if name == "parley_server_errors_total"}
    assert causes == {(("cause", "unavailable"),): 1, (("cause", "LookupError"),): 1}
