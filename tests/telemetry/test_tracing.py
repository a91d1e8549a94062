"""Spans: one for a request, one for each of its statements, and nothing of what was said."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from pytest_django import Settings

from conversations.models import Thread
from core import tracing, viewsets
from tests.client import ApiClient
from tests.telemetry.conftest import Lines
from tests.telemetry.sink import listening

CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """Keeps the spans in memory."""
    found = InMemorySpanExporter()
    tracing.start_with(SimpleSpanProcessor(found))
    return found


def test_a_request_is_a_span_with_its_statements_below(
    exporter: InMemorySpanExporter, api: ApiClient, thread: Thread
) -> None:
    api.get(f"/api/threads/{thread.pk}?format=json", traceparent=f"00-{CALLER}-00f067aa0ba902b7-01", x_request_id="r-1")

    *statements, request = exporter.get_finished_spans()
    attributes: Any = request.attributes
    assert (request.name, request.kind, f"{request.context.trace_id:032x}") == (
        "GET /api/threads/{pk}",
        SpanKind.SERVER,
        CALLER,
    )
    assert {name: value for name, value in attributes.items() if not name.startswith("parley.actor.")} == {
        "http.request.method": "GET",
        "http.route": "/api/threads/{pk}",
        "http.response.status_code": 200,
        "parley.request_id": "r-1",
    }
    assert attributes["parley.actor.organization_id"] == str(thread.organization_id)
    assert len(statements) >= 2
    assert {span.parent and span.parent.span_id for span in statements} == {request.context.span_id}
    assert {span.kind for span in statements} == {SpanKind.CLIENT}
    times = [(request.start_time, span.start_time, span.end_time, request.end_time) for span in statements]
    assert [each for each in times if None in each or sorted(map(int, filter(None, each))) != list(each)] == []
    assert str(thread.pk) not in "".join(str(dict(span.attributes or {})) for span in statements)
    assert dict(request.resource.attributes)["service.name"] == "parley"


def test_a_failure_is_marked(
    exporter: InMemorySpanExporter, api: ApiClient, thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any) -> Any:
        raise LookupError("unforeseen")

    monkeypatch.setattr(viewsets, "etag", broken)
    api._client.raise_request_exception = False
    api.get(f"/api/threads/{thread.pk}")

    *_statements, request = exporter.get_finished_spans()
    assert (request.status.status_code, request.status.description) == (StatusCode.ERROR, None)
    assert (request.events, dict(request.attributes or {})["http.response.status_code"]) == ((), 500)


def test_spans_are_sent_where_the_setting_says(settings: Settings, api: ApiClient) -> None:
    with listening() as sink:
        settings.OTEL_EXPORTER_OTLP_ENDPOINT = f"http://127.0.0.1:{sink.port}/"
        api.get("/api/threads?q=nightingale")
        tracing.stop()
        [body] = sink.wait_for(1)

    assert b"/api/threads" in body
    assert b"nightingale" not in body


def test_without_the_packages_a_warning_is_all(
    settings: Settings, api: ApiClient, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:9"

    assert api.get("/api/threads").status_code == 200

    [line] = lines.of("core.tracing")
    text = "Traces are not sent: install opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http."
    assert (line["level"], line["message"]) == ("WARNING", text)
