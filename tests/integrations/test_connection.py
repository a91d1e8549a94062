"""`POST /api/integrations/{id}/test`: one request to the other server, and what is told of it."""

from __future__ import annotations

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Organization
from accounts.services import create_api_key, create_organization
from agents_app import integrations
from agents_app.connections import IntegrationChanged, Outcome, keep_outcome
from agents_app.models import IntegrationConfig
from core.secrets import SecretText
from ledger.models import AuditEntry
from tests.api.problems import problem_of
from tests.client import ApiClient
from tests.integrations.conftest import CANARY, Make, OtherServer, plain

HEADERS = {"Accept-Encoding": "identity", "User-Agent": "Parley", "Connection": "close"}


def outcome(api: ApiClient, row: IntegrationConfig, **headers: str) -> tuple[str, str]:
    response = api.post(f"/api/integrations/{row.pk}/test", **headers)
    assert response.status_code == 200, response.content
    told = response.json()
    assert list(told) == ["status", "detail", "tested_at"]
    return told["status"], told["detail"]


@pytest.mark.parametrize(
    ("kind", "base", "method", "path", "headers"),
    [
        ("openai", "/v1", "GET", "/v1/models", {"Authorization": f"Bearer {CANARY}"}),
        ("openai_compatible", "/v1/", "GET", "/v1/models", {"Authorization": f"Bearer {CANARY}"}),
        ("openai_compatible", "?v=1", "GET", "/models?v=1", {"Authorization": f"Bearer {CANARY}"}),
        ("anthropic", "", "GET", "/v1/models", {"x-api-key": CANARY, "anthropic-version": "2023-06-01"}),
        ("anthropic", "/v1", "GET", "/v1/models", {"x-api-key": CANARY, "anthropic-version": "2023-06-01"}),
        ("webhook", "/hook", "HEAD", "/hook", {}),
        ("slack", "/hook", "HEAD", "/hook", {}),
        ("custom", "", "HEAD", "/", {}),
    ],
)
def test_each_kind_is_asked_in_its_own_way(
    api: ApiClient,
    make: Make,
    server: OtherServer,
    kind: str,
    base: str,
    method: str,
    path: str,
    headers: dict[str, str],
) -> None:
    row = make(kind=kind, base_url=server.url + base)

    assert outcome(api, row) == ("ok", "HTTP 200 OK")

    [request] = server.received
    assert (request.method, request.path) == (method, path)
    assert request.headers == {"Host": server.place, **HEADERS, **headers}


def test_the_address_of_a_webhook_may_itself_be_a_secret(api: ApiClient, make: Make, server: OtherServer) -> None:
    row = make(kind="slack", secrets={"url": f"{server.url}/services/{CANARY}"})

    assert outcome(api, row) == ("ok", "HTTP 200 OK")
    assert [request.path for request in server.received] == [f"/services/{CANARY}"]


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (204, "openai", ("ok", "HTTP 204 No Content")),
        (401, "openai", ("failed", "HTTP 401 Unauthorized")),
        (405, "openai", ("failed", "HTTP 405 Method Not Allowed")),
        (405, "webhook", ("ok", "HTTP 405 Method Not Allowed")),
        (404, "webhook", ("failed", "HTTP 404 Not Found")),
        (500, "webhook", ("failed", "HTTP 500 Internal Server Error")),
        (302, "webhook", ("failed", "HTTP 302 Found: redirects are not followed")),
        (299, "custom", ("ok", "HTTP 299")),
        (799, "custom", ("failed", "HTTP 799")),
    ],
)
def test_the_status_is_judged_and_kept(
    api: ApiClient, make: Make, server: OtherServer, status: int, kind: str, expected: tuple[str, str]
) -> None:
    row = make(kind=kind, base_url=server.url)
    server.answer = lambda handler: plain(handler, status, b"", Location=f"{server.url}/elsewhere")

    assert outcome(api, row) == expected

    assert len(server.received) == 1
    read = api.get(f"/api/integrations/{row.pk}").json()
    assert (read["last_test_status"], read["last_test_detail"], read["version"]) == (*expected, 2)
    assert read["last_tested_at"] == read["updated_at"]


def test_the_test_is_in_the_audit_trail(
    api: ApiClient, make: Make, server: OtherServer, organization: Organization
) -> None:
    row = make(base_url=server.url)

    outcome(api, row)

    entry = AuditEntry.objects.get(action="integration.tested")
    assert (entry.organization_id, entry.subject_id, entry.subject_type) == (organization.pk, row.pk, "integration")
    assert entry.after == {"status": "ok", "detail": "HTTP 200 OK"}


def test_nothing_of_the_answer_is_told(api: ApiClient, make: Make, server: OtherServer) -> None:
    def echo(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(f"HTTP/1.1 401 {CANARY}\r\nContent-Length: 3\r\n\r\nabc".encode())

    row = make(base_url=server.url)
    server.answer = echo

    assert outcome(api, row) == ("failed", "HTTP 401 Unauthorized")


@pytest.mark.parametrize(
    ("fields", "secrets", "detail"),
    [
        ({"kind": "openai"}, {"other": "x"}, "There is no secret named api_key."),
        ({"kind": "anthropic"}, {"other": "x"}, "There is no secret named api_key."),
        ({"kind": "openai_compatible"}, {"api_key": "x"}, "There is no base_url."),
        ({"kind": "webhook"}, {"api_key": "x"}, "There is neither a base_url nor a secret named url."),
        (
            {"kind": "openai"},
            {"api_key": "x"},
            "https://api.openai.com is not on the list OUTGOING_HOSTS of this server.",
        ),
        (
            {"kind": "webhook", "base_url": "http://hooks.example.org:81/x"},
            {"api_key": "x"},
            "http://hooks.example.org:81 is not on the list OUTGOING_HOSTS of this server.",
        ),
    ],
)
def test_what_cannot_be_asked_fails_with_the_reason(
    api: ApiClient, make: Make, settings: Settings, fields: dict[str, str], secrets: dict[str, str], detail: str
) -> None:
    settings.OUTGOING_HOSTS = []

    assert outcome(api, make(secrets=secrets, **fields)) == ("failed", detail)


@pytest.mark.parametrize("secret", ["line\nbreak", "ünïcode", "tab\tinside"])
def test_a_secret_that_fits_no_header_is_not_sent(api: ApiClient, make: Make, server: OtherServer, secret: str) -> None:
    row = make(base_url=server.url, secrets={"api_key": secret})

    detail = "A header would hold something else than printable ASCII characters."
    assert outcome(api, row) == ("failed", detail)
    assert server.received == []


def test_an_unnamed_server_on_this_machine_is_never_reached(
    api: ApiClient, make: Make, server: OtherServer, settings: Settings
) -> None:
    row = make(base_url=server.url)
    settings.OUTGOING_PRIVATE_HOSTS = [f"127.0.0.1:{server.port + 1}"]
    settings.OUTGOING_HOSTS = [f"http://127.0.0.1:{server.port}"]

    assert outcome(api, row) == ("failed", "127.0.0.1 leads to an address that is not public.")
    assert server.received == []


def test_a_server_that_drips_meets_the_limit_of_the_whole_exchange(
    api: ApiClient, make: Make, server: OtherServer, settings: Settings
) -> None:
    ended = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        for _ in range(200):
            if ended.wait(0.05):
                return
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    settings.OUTGOING_TIMEOUT_SECONDS = 1
    row = make(base_url=server.url)
    server.answer = drip
    started = time.monotonic()

    found = outcome(api, row)

    ended.set()
    assert found == ("failed", "There was no complete answer in time.")
    assert 0.9 < time.monotonic() - started < 3


def test_a_port_where_nobody_listens_is_told(api: ApiClient, make: Make, settings: Settings) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings.OUTGOING_PRIVATE_HOSTS = [f"127.0.0.1:{port}"]

    assert outcome(api, make(base_url=f"http://127.0.0.1:{port}")) == ("failed", "The connection was refused.")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("headers", [{}, {"idempotency_key": "once"}])
def test_no_transaction_is_open_while_the_other_server_thinks(server: OtherServer, headers: dict[str, str]) -> None:
    organization = create_organization(slug="acme", name="Acme")
    api = ApiClient(create_api_key(organization=organization, name="tests")[1])
    body = {"name": "n", "kind": "openai", "base_url": server.url, "secrets": {"api_key": CANARY}}
    row = api.post("/api/integrations", body).json()
    own = connections["default"]
    seen: list[bool] = []

    def look(handler: BaseHTTPRequestHandler) -> None:
        seen.append(own.in_atomic_block)
        plain(handler, 200)

    server.answer = look

    answers = [api.post(f"/api/integrations/{row['id']}/test", **headers) for _ in range(2)]

    assert seen == [False] * (1 if headers else 2)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert (answers[0].content == answers[1].content) == bool(headers)
    assert answers[1].get("Idempotent-Replayed") == ("true" if headers else None)


def test_a_key_used_for_another_request_is_refused_before_anything_is_sent(
    api: ApiClient, make: Make, server: OtherServer
) -> None:
    row, other = make(base_url=server.url, slug="a"), make(base_url=server.url, slug="b")
    outcome(api, row, idempotency_key="k")

    response = api.post(f"/api/integrations/{other.pk}/test", idempotency_key="k")

    assert (response.status_code, problem_of(response)["code"]) == (409, "idempotency_key_reused")
    assert len(server.received) == 1


def test_a_stale_version_is_not_tested(api: ApiClient, make: Make, server: OtherServer) -> None:
    row = make(base_url=server.url)

    response = api.post(f"/api/integrations/{row.pk}/test", if_match='"v9"')

    assert response.status_code == 412
    assert server.received == []


@pytest.mark.parametrize(
    ("change", "is_void"),
    [
        ({"changes": {"base_url": "https://example.org/"}}, True),
        ({"changes": {"kind": "webhook"}}, True),
        ({"changes": {}, "secrets": {"api_key": SecretText("new")}}, True),
        ({"changes": {}, "secrets": {"api_key": SecretText(CANARY)}}, False),
        ({"changes": {"name": "Renamed"}}, False),
    ],
)
def test_a_change_during_the_test_makes_its_outcome_void(
    integration: IntegrationConfig, actor: Any, change: dict[str, Any], is_void: bool
) -> None:
    outcome = Outcome(IntegrationConfig.TestStatus.OK, "HTTP 200 OK")
    integrations.update_integration(actor=actor, integration_id=integration.pk, **change)

    if is_void:
        with pytest.raises(IntegrationChanged):
            keep_outcome(actor=actor, tested=integration, outcome=outcome, now=timezone.now())
    else:
        keep_outcome(actor=actor, tested=integration, outcome=outcome, now=timezone.now())

    stored = IntegrationConfig.objects.get(pk=integration.pk)
    assert (stored.last_test_status, stored.version) == (("", 2) if is_void else ("ok", 3))
