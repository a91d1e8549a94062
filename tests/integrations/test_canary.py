"""A secret is sent in by every way there is, and then looked for in every place where it must not be."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.views.debug import ExceptionReporter
from pytest_django import Settings

from accounts.actors import SystemActor
from accounts.models import IdempotencyRecord, Organization
from agents_app import integrations, rotation
from agents_app.connections import check_connection
from agents_app.models import IntegrationConfig
from conversations.models import Thread
from core.secrets import Sealed, SecretText
from ledger.models import AuditEntry
from tests.client import ApiClient
from tests.integrations.conftest import CANARY, SECOND_KEY, Make, OtherServer
from transfer.exporting import export_csv, export_jsonl

FORMS = (CANARY, base64.b64encode(CANARY.encode()).decode().rstrip("=")[:-1], CANARY[::-1], CANARY.encode().hex())
PATH = "/api/integrations"
BODY: dict[str, Any] = {"name": "n", "kind": "openai", "secrets": {"api_key": CANARY, "gone": "x"}}


def assert_clean(text: str) -> None:
    assert [form for form in FORMS if form in text] == []


def everything_stored() -> Iterator[str]:
    """Every value of every table, and on SQLite the pages of the file besides."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                yield "\t".join(map(str, row))
    if connection.vendor == "sqlite":
        yield connection.connection.serialize().decode("latin-1")


def everything_exported(organization: Organization) -> Iterator[str]:
    written = io.StringIO()
    call_command("dumpdata", "accounts", "agents_app", "ledger", "admin", stdout=written)
    yield written.getvalue()
    threads = Thread.objects.filter(organization=organization)
    yield from (piece.decode() for export in (export_jsonl, export_csv) for piece in export(threads))


@pytest.fixture
def is_clean(caplog: pytest.LogCaptureFixture, capfd: Any, organization: Organization) -> Callable[..., None]:
    """Look through what was answered, stored, exported, logged and written."""
    caplog.set_level(logging.DEBUG)

    def look(*responses: Any) -> None:
        for response in responses:
            assert_clean(response.content.decode() + repr(sorted(response.headers.items())))
        stored = list(everything_stored())
        assert any("gAAAA" in row for row in stored), "there was nothing to leak"
        assert_clean("\n".join([*stored, *everything_exported(organization)]))
        output = capfd.readouterr()
        assert_clean(caplog.text + output.out + output.err)
        assert_clean(json.dumps([list(map(str, record.__dict__.values())) for record in caplog.records]))

    return look


def echo(handler: BaseHTTPRequestHandler) -> None:
    """A server that repeats whatever it is told, wherever it can."""
    said = handler.headers.get("Authorization", "")
    handler.wfile.write(
        f"HTTP/1.1 302 {said}\r\nLocation: http://x/{said}\r\nX: {said}\r\nContent-Length: 99\r\n\r\n{said}".encode()
    )


def test_no_request_leaves_a_secret_anywhere(
    api: ApiClient, server: OtherServer, alice: Any, is_clean: Callable[..., None]
) -> None:
    server.answer = echo
    browser = Client()
    browser.force_login(alice)
    made = api.post(PATH, {**BODY, "base_url": server.url}, idempotency_key="k")
    address = f"{PATH}/{made.json()['id']}"

    is_clean(
        made,
        api.post(PATH, {**BODY, "base_url": server.url}, idempotency_key="k"),
        api.post(PATH, {**BODY, "id": made.json()["id"]}),
        api.patch(address, {"secrets": {"other": CANARY, "gone": None}}),
        api.put(address, {**BODY, "base_url": server.url, "name": "m"}, if_match="*"),
        api.get(address),
        api.get(PATH),
        browser.get(address, headers={"accept": "text/html"}),
        browser.get(PATH, headers={"accept": "text/html"}),
        api.post(f"{address}/test"),
        api.post(f"{address}/test", idempotency_key="t"),
        api.delete(address),
        api.get(f"{PATH}?trashed=true"),
        api.post(f"{address}/restore"),
        api.post(PATH, {**BODY, "settings": {"api_key": CANARY}}),
        api.post(PATH, {**BODY, "secrets": {"api_key": [CANARY]}}),
        api.post(PATH, b'{"secrets": {"api_key": "' + CANARY.encode()),
        api.post(PATH, b'{"secrets": {"api_key": "' + CANARY.encode() + b'\\u0000"}}'),
        api.get("/api/schema"),
    )

    assert [request.headers["Authorization"] for request in server.received] == [f"Bearer {CANARY}"] * 2
    assert IdempotencyRecord.objects.count() == 2
    row = IntegrationConfig.objects.get()
    assert row.open_secrets() == {"api_key": CANARY, "other": CANARY, "gone": "x"}


def test_the_audit_trail_names_changed_secrets_and_nothing_of_them(api: ApiClient) -> None:
    made = api.post(PATH, BODY).json()
    api.patch(f"{PATH}/{made['id']}", {"name": "m", "secrets": {"gone": None, "api_key": f"{CANARY}2"}})

    created, updated = AuditEntry.objects.filter(subject_id=made["id"]).order_by("sequence")

    assert (created.action, created.before) == ("integration.created", None)
    assert created.after == {
        "name": "n",
        "kind": "openai",
        "slug": "n",
        "base_url": "",
        "settings": {},
        "is_active": True,
        "secret_names": ["api_key", "gone"],
    }
    assert (updated.action, updated.before) == (
        "integration.updated",
        {"name": "n", "secret_names": ["api_key", "gone"]},
    )
    assert updated.after == {"name": "m", "secret_names": ["api_key"], "changed_secrets": ["api_key", "gone"]}


def test_the_admin_leaves_a_secret_nowhere(
    admin_client: Client, make: Make, organization: Organization, server: OtherServer, is_clean: Callable[..., None]
) -> None:
    server.answer = echo
    row = make(base_url=server.url)
    change = reverse("admin:agents_app_integrationconfig_change", args=[row.pk])
    listed = reverse("admin:agents_app_integrationconfig_changelist")
    form = {"name": "n", "slug": "n", "kind": "openai", "base_url": server.url, "settings": "{}", "is_active": "on"}
    new = {"secret_texts:new": "k", "secret_texts:value": CANARY}
    wrong = {**form, "settings": json.dumps({"password": "x"}), "secret_texts-api_key": CANARY}

    is_clean(
        admin_client.get(change),
        admin_client.post(change, wrong),
        admin_client.post(change, {**form, "secret_texts-api_key": CANARY}),
        admin_client.post(
            reverse("admin:agents_app_integrationconfig_add"),
            {**form, "slug": "o", "tenant": str(organization.pk), **new},
        ),
        admin_client.get(listed),
        admin_client.post(listed, {"action": "test", "_selected_action": [str(row.pk)]}, follow=True),
        admin_client.get(reverse("admin:agents_app_integrationconfig_history", args=[row.pk])),
    )

    assert [each.open_secrets() for each in IntegrationConfig.objects.order_by("created_at")] == [
        {"api_key": CANARY},
        {"k": CANARY},
    ]
    assert len(server.received) == 1


@pytest.mark.parametrize("is_debug", [True, False])
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("place", ["seal", "record", "change_of"])
def test_an_unforeseen_error_shows_no_secret(
    api: ApiClient,
    make: Make,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    is_clean: Callable[..., None],
    is_debug: bool,
    accept: str,
    place: str,
) -> None:
    row = make()

    def fail(*args: Any, **options: Any) -> Any:
        raise RuntimeError("unforeseen")

    settings.DEBUG = is_debug
    monkeypatch.setattr(integrations, place, fail)
    api._client.raise_request_exception = False

    response = api.patch(f"{PATH}/{row.pk}", {"secrets": {"api_key": CANARY}}, accept=accept)

    assert response.status_code == 500
    assert (b"unforeseen" in response.content) == is_debug
    is_clean(response)


@pytest.mark.parametrize("is_debug", [True, False])
def test_an_unforeseen_error_in_the_admin_shows_no_secret(
    admin_client: Client,
    make: Make,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    is_clean: Callable[..., None],
    is_debug: bool,
) -> None:
    row = make()

    def fail(*args: Any, **options: Any) -> Any:
        raise RuntimeError("unforeseen")

    settings.DEBUG = is_debug
    monkeypatch.setattr(integrations, "record", fail)
    admin_client.raise_request_exception = False
    form = {"name": "n", "slug": "n", "kind": "openai", "base_url": "", "settings": "{}"}
    change = reverse("admin:agents_app_integrationconfig_change", args=[row.pk])

    response = admin_client.post(change, {**form, "secret_texts-api_key": CANARY})

    assert response.status_code == 500
    is_clean(response)


def test_an_error_during_an_exchange_shows_no_secret(
    make: Make, actor: SystemActor, server: OtherServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report of every frame, from the service down to the socket."""
    row = make(base_url=server.url)

    def fail(*args: Any, **options: Any) -> Any:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(HTTPResponse, "begin", fail)

    with pytest.raises(RuntimeError) as raised:
        check_connection(actor=actor, integration_id=row.pk)

    # The first frame is this one, which knows the other server.
    report = ExceptionReporter(None, raised.type, raised.value, raised.tb.tb_next)
    frames = "".join(name for frame in report.get_traceback_frames() for name in map(str, frame["vars"]))
    assert_clean(frames + report.get_traceback_html() + report.get_traceback_text())


def test_rotation_writes_no_secret(make: Make, second_key: None, is_clean: Callable[..., None]) -> None:
    make()

    call_command("rotate_secrets")

    is_clean()


def test_a_failed_rotation_writes_no_secret(make: Make, settings: Settings, is_clean: Callable[..., None]) -> None:
    make()
    settings.SECRETS_KEYS = [SECOND_KEY]

    with pytest.raises(CommandError):
        call_command("rotate_secrets")

    is_clean()


def test_nothing_that_holds_a_secret_prints_it(make: Make) -> None:
    row = make()
    secret = row.open_secrets()["api_key"]

    shown = [repr(row), str(row), repr(row.__dict__), repr(row.open_secrets()), repr(secret), repr([secret])]
    shown += [repr(Sealed(row.secrets, row.secrets_key_id)), f"{rotation.Rotated()!r}"]

    assert_clean("".join(shown))
    assert (secret, type(secret), repr(secret)) == (CANARY, SecretText, "'••••'")
