"""Traces for OpenTelemetry, which is optional: one span for each request, one below it for each statement.

The spans are made here and not by OpenTelemetry's own instrumentations, which record addresses with query strings.
"""

from __future__ import annotations

import logging
from functools import cache
from time import time_ns
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from core.request_facts import actor_of, method_of, route_of

log = logging.getLogger(__name__)

MAX_STATEMENT_LENGTH = 2000

_HEADERS = {"traceparent": "HTTP_TRACEPARENT", "tracestate": "HTTP_TRACESTATE"}

_provider: Any = None
_tracer: Any = None


def start() -> bool:
    """Begin to send spans where `OTEL_EXPORTER_OTLP_ENDPOINT` says; return whether there is somebody to send them to.

    Without the packages a warning is logged, and nothing else happens.
    """
    if _tracer is not None or not settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        return _tracer is not None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  optional
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  optional
    except ImportError:
        _tell_what_is_missing(settings.OTEL_EXPORTER_OTLP_ENDPOINT)
        return False
    endpoint = f"{settings.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip('/')}/v1/traces"
    start_with(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return True


@cache
def _tell_what_is_missing(_endpoint: str) -> None:
    """Once in a process, however many chains of middleware are made."""
    log.warning("Traces are not sent: install opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http.")


def start_with(processor: Any) -> None:
    """Begin to hand spans to a span processor of OpenTelemetry."""
    global _provider, _tracer
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  optional
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  optional

    resource = Resource.create()
    if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": "parley"}))
    _provider = TracerProvider(resource=resource.merge(Resource({"service.version": settings.VERSION})))
    _provider.add_span_processor(processor)
    _tracer = _provider.get_tracer("parley", settings.VERSION)


def stop() -> None:
    """Send what is left, and no more from now on."""
    global _provider, _tracer
    if _provider is not None:
        _provider.shutdown()
    _provider = _tracer = None


def begin(request: HttpRequest) -> RequestSpan:
    """Open the span of a request, below that of the caller where the request names one (W3C `traceparent`)."""
    from opentelemetry.trace import SpanKind  # noqa: PLC0415  optional
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415  optional

    carrier = {name: request.META[key] for name, key in _HEADERS.items() if key in request.META}
    context = TraceContextTextMapPropagator().extract(carrier)
    return RequestSpan(request, _tracer.start_span("request", context=context, kind=SpanKind.SERVER))


class RequestSpan:
    """The span of a request that is being answered."""

    def __init__(self, request: HttpRequest, span: Any) -> None:
        self._request = request
        self._span = span

    def add_statement(self, name: str, seconds: float) -> None:
        """Add a statement that has just ended; `name` is its text without values, or a name of it."""
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415  optional

        now = time_ns()
        inner = _tracer.start_span(
            name.split(" ", 1)[0][:40],
            context=set_span_in_context(self._span),
            kind=SpanKind.CLIENT,
            attributes={"db.query.text": name[:MAX_STATEMENT_LENGTH]},
            start_time=now - int(seconds * 1e9),
        )
        inner.end(end_time=now)

    def finish(self, status: int) -> None:
        from opentelemetry.trace import StatusCode  # noqa: PLC0415  optional

        request, span = self._request, self._span
        method, route = method_of(request), route_of(request)
        span.update_name(f"{method} {route}")
        span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})
        span.set_attributes({f"parley.actor.{name}": value for name, value in actor_of(request).items()})
        span.set_attribute("parley.request_id", getattr(request, "request_id", "-"))
        if status >= 500:
            span.set_status(StatusCode.ERROR)
        span.end()
