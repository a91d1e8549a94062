"""What a request is watched by: metrics, the log of requests, the log of slow statements, and traces.

`core.observer.Observer` begins and finishes a `Watch` for each request, when the settings want one. Statements of
Django's connections are timed by `timed`, a wrapper that the observer puts on the connections of its thread. Code that
speaks to a driver by itself, where there is no such wrapper, tells of each statement:

    if telemetry.observes_statements:
        started = perf_counter()
        ...
        telemetry.observe_statement("append", perf_counter() - started)
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from time import perf_counter
from typing import TYPE_CHECKING, Any

from core import metrics

if TYPE_CHECKING:
    from django.http import HttpRequest

    from core.tracing import RequestSpan

NEVER = float("inf")

GATE_WAIT = metrics.Histogram(
    "parley_sqlite_gate_wait_seconds",
    "Time that write transactions waited for others on SQLite.",
    bounds=(0.0001, 0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0),
)


class Watch:
    """What is known of a request that is being answered."""

    __slots__ = ("database_seconds", "request", "span", "started", "statements")

    def __init__(self, request: HttpRequest, span: RequestSpan | None) -> None:
        self.request = request
        self.span = span
        self.statements = 0
        self.database_seconds = 0.0
        self.started = perf_counter()


current: ContextVar[Watch | None] = ContextVar("watch", default=None)
"""The request that is being answered, while somebody wants to hear of statements."""

observes_statements = False
"""Whether anybody wants to hear of statements; `observe_statement` may be left out otherwise."""

slow_from_seconds = NEVER


def _tell_nobody(name: str, seconds: float) -> None:
    pass


tell_slow: Callable[[str, float], None] = _tell_nobody
"""What is called with the name of a statement and its seconds when it took longer."""


def observe_statement(name: str, seconds: float) -> None:
    """Count a statement of the current request. `name` is its text without values, or a name of it."""
    watch = current.get()
    if watch is not None:
        watch.statements += 1
        watch.database_seconds += seconds
        if watch.span is not None:
            watch.span.add_statement(name, seconds)
    if seconds >= slow_from_seconds:
        tell_slow(name, seconds)


def observe_gate_wait(seconds: float) -> None:
    """Count what a write transaction waited for those of others."""
    GATE_WAIT.observe(seconds)
    watch = current.get()
    if watch is not None:
        watch.database_seconds += seconds


def timed(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    """Django's hook around a statement."""
    started = perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        observe_statement(sql, perf_counter() - started)


ONLY_TIMED = [timed]
"""The wrappers of a connection to which nothing but time matters: a driver may be spoken to past them."""
