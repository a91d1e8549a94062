"""What Sentry is told: which exception, where in the code, under which request."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from pytest_django import Settings

from conversations.models import Thread
from conversations.services import appending
from core import crash_reports, viewsets
from tests.client import ApiClient
from tests.telemetry.conftest import Lines
from tests.telemetry.sink import Sink, listening

CANARY = "nightingale-Zq7"


@pytest.fixture
def sentry(settings: Settings) -> Iterator[Sink]:
    """Errors are reported to this machine."""
    with listening() as sink:
        settings.SENTRY_DSN = f"http://public@127.0.0.1:{sink.port}/1"
        assert crash_reports.start()
        yield sink
        sentry_sdk.get_client().close(timeout=2)
        sentry_sdk.get_global_scope().set_client(None)


def events_in(bodies: list[bytes]) -> list[dict[str, Any]]:
    """An envelope is lines of JSON: its head, and for each item a head and a body."""
    return [json.loads(line) for body in bodies for line in body.splitlines() if b'"exception"' in line]


def fails(*_args: Any, **_options: Any) -> Any:
    local_variable = CANARY
    raise LookupError(local_variable)


def test_an_unforeseen_error_is_reported_without_content(
    sentry: Sink, api: ApiClient, thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewsets, "etag", fails)
    api._client.raise_request_exception = False

    api.get(f"/api/threads/{thread.pk}?format=json", x_request_id="r-1", cookie=CANARY, x_canary=CANARY)
    sentry_sdk.flush(10)

    [event] = events_in(sentry.wait_for(1))
    [failure] = event["exception"]["values"]
    assert (event["transaction"], event["tags"]) == ("GET /api/threads/{pk}", {"request_id": "r-1"})
    assert (failure["type"], failure["value"]) == (
        "LookupError",
        "LookupError (its text may quote content and is not logged)",
    )
    assert failure["stacktrace"]["frames"][-1]["function"] == "fails"
    assert {name for frame in failure["stacktrace"]["frames"] for name in frame} <= set(crash_reports.KEPT_OF_FRAMES)
    assert set(event) <= {*crash_reports.KEPT, "tags", "transaction", "logentry", "exception"}
    assert event["logentry"] == {"message": "%s: %s"}


def test_content_and_secrets_never_leave(
    sentry: Sink, api: ApiClient, thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appending, "index_messages", fails)
    api._client.raise_request_exception = False
    path = f"/api/threads/{thread.pk}/messages?invalid_text=replace"

    with sentry_sdk.new_scope() as scope:
        scope.set_extra("content", CANARY)
        scope.set_user({"id": CANARY})
        logging.getLogger("core").error("Failed with %s", CANARY, extra={"content": CANARY})
        logging.getLogger("django.security.DisallowedHost").error(CANARY)
    response = api.post(path, {"role": "user", "content": CANARY, "metadata": {"secret": CANARY}})
    sentry_sdk.flush(10)

    sent = b"".join(sentry.wait_for(2))
    assert response.status_code in (201, 500)
    assert b"Failed with %s" in sent
    assert CANARY.encode() not in sent
    assert api.key is not None
    assert api.key.encode() not in sent


def test_without_the_package_a_warning_is_all(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    settings.SENTRY_DSN = "http://public@127.0.0.1:9/1"

    assert not crash_reports.start()

    [line] = lines.of("core.crash_reports")
    assert (line["level"], line["message"]) == ("WARNING", "Errors are not reported: install sentry-sdk.")


def test_without_an_address_nothing_is_loaded(settings: Settings) -> None:
    settings.SENTRY_DSN = ""

    assert not crash_reports.start()
