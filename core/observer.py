"""Watches the requests of a process as the settings want it, and tells what it saw."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from time import perf_counter
from typing import Any

from django.conf import settings
from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core import metrics, telemetry, tracing
from core.logs import MEMBERS
from core.request_facts import actor_of, failure_of, method_of, route_of
from core.telemetry import NEVER, Watch

log = logging.getLogger("parley.requests")
statement_log = logging.getLogger("parley.statements")

REQUEST_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
MAX_STATEMENT_LENGTH = 2000

REQUESTS = metrics.Counter("http_requests_total", "Answered requests.", ("method", "route", "status"))
DURATION = metrics.Histogram(
    "http_request_duration_seconds", "Time to an answer.", ("method", "route"), bounds=REQUEST_BOUNDS
)
DATABASE_TIME = metrics.Histogram(
    "http_request_database_seconds",
    "Part of the time to an answer that was spent on the database.",
    ("method", "route"),
    bounds=REQUEST_BOUNDS[:-2],
)
STATEMENTS = metrics.Counter("http_request_statements_total", "Statements sent to the database.", ("method", "route"))
FAILURES = metrics.Counter("parley_server_errors_total", "Answers with a 5xx status by what caused them.", ("cause",))
THROTTLED = metrics.Counter("parley_throttled_requests_total", "Requests refused with 429.")
REPLAYED = metrics.Counter("parley_idempotent_replays_total", "POST requests answered as they were before.")
SLOW_STATEMENTS = metrics.Counter("parley_slow_statements_total", "Statements slower than SLOW_QUERY_MS.")
_thread = threading.local()


def _start_metrics() -> None:
    """A full disk must not keep a server from starting: its messages may lie elsewhere."""
    try:
        metrics.start(Path(settings.METRICS_DIRECTORY) if settings.METRICS_DIRECTORY else None)
    except OSError:
        log.exception("Nothing is counted.")


def tell_slow(name: str, seconds: float) -> None:
    """Log a statement, `name`: its text without values."""
    SLOW_STATEMENTS.add()
    watch = telemetry.current.get()
    members: dict[str, Any] = {"duration_ms": _milliseconds(seconds), "statement": name[:MAX_STATEMENT_LENGTH]}
    if watch is not None:
        members |= {"method": method_of(watch.request), "route": route_of(watch.request)}
    statement_log.warning("Slow statement, %s ms", members["duration_ms"], extra={MEMBERS: members})


def _time_connections() -> None:
    """Put the wrapper on the connections of this thread. First in the list: others take the last one off again."""
    _thread.is_timed = True
    for connection in connections.all():
        if telemetry.timed not in connection.execute_wrappers:
            connection.execute_wrappers.insert(0, telemetry.timed)


class Observer:
    """Watches requests as the settings want it."""

    def __init__(self) -> None:
        self._counts = bool(settings.METRICS_TOKEN)
        self._traces = tracing.start()
        self._log_from = {"none": NEVER, "slow": settings.SLOW_REQUEST_MS / 1000, "all": 0.0}[settings.LOG_REQUESTS]
        slow = settings.SLOW_QUERY_MS / 1000 or NEVER
        self._times = self._counts or self._traces or settings.LOG_REQUESTS == "all" or slow < NEVER
        telemetry.observes_statements, telemetry.slow_from_seconds = self._times, slow
        telemetry.tell_slow = tell_slow
        if self._counts:
            _start_metrics()

    @property
    def is_wanted(self) -> bool:
        return self._times or self._log_from < NEVER

    def begin(self, request: HttpRequest) -> Watch:
        watch = Watch(request, tracing.begin(request) if self._traces else None)
        if self._times:
            telemetry.current.set(watch)
            if not getattr(_thread, "is_timed", False):
                _time_connections()
        return watch

    def finish(self, watch: Watch, response: HttpResponseBase) -> None:
        seconds = perf_counter() - watch.started
        if self._times:
            telemetry.current.set(None)
        if self._counts:
            _count(watch, response, seconds)
        if watch.span is not None:
            watch.span.finish(response.status_code)
        if seconds >= self._log_from:
            self._tell(watch, response, seconds)

    def _tell(self, watch: Watch, response: HttpResponseBase, seconds: float) -> None:
        request = watch.request
        method, route = method_of(request), route_of(request)
        members: dict[str, Any] = {
            "method": method,
            "route": route,
            "status": response.status_code,
            "duration_ms": _milliseconds(seconds),
            "actor": actor_of(request),
        }
        if self._times:
            members |= {"database_ms": _milliseconds(watch.database_seconds), "statements": watch.statements}
        if not response.streaming:
            members["bytes"] = len(response.content)  # type: ignore[attr-defined]  # every one that is no stream
        log.log(
            logging.WARNING if settings.LOG_REQUESTS == "slow" else logging.INFO,
            "%s %s %s, %s ms",
            method,
            route,
            response.status_code,
            members["duration_ms"],
            extra={MEMBERS: members},
        )


def _count(watch: Watch, response: HttpResponseBase, seconds: float) -> None:
    status = response.status_code
    method, route = method_of(watch.request), route_of(watch.request)
    REQUESTS.add(1, method, route, str(status))
    DURATION.observe(seconds, method, route)
    DATABASE_TIME.observe(watch.database_seconds, method, route)
    STATEMENTS.add(watch.statements, method, route)
    if method == "POST" and "Idempotent-Replayed" in response.headers:
        REPLAYED.add()
    if status == 429:
        THROTTLED.add()
    elif status >= 500:
        FAILURES.add(1, failure_of(watch.request, response))


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
