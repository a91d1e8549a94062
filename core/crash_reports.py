"""Reports of errors for Sentry, which is optional: what failed and where in the code, and nothing of what was sent.

An event is built anew from the members that are named here. Whatever else sentry-sdk collects, and may collect one
day, stays: bodies, headers, addresses, people, local variables, breadcrumbs, texts of exceptions that may quote.
"""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings

from core.logs import described, request_id
from core.request_facts import method_of, route_of

log = logging.getLogger(__name__)

KEPT = ("event_id", "timestamp", "platform", "level", "logger", "release", "environment", "server_name", "sdk")
KEPT_OF_FRAMES = ("filename", "module", "function", "lineno", "context_line", "in_app")
LOGGERS_OF_QUOTES = ("django.security",)
"""Loggers whose messages are no fixed texts."""


def start() -> bool:
    """Begin to report errors to `SENTRY_DSN`; return whether they are reported.

    Without the package a warning is logged, and nothing else happens.
    """
    if not settings.SENTRY_DSN:
        return False
    try:
        import sentry_sdk  # noqa: PLC0415  optional
        from sentry_sdk.integrations.atexit import AtexitIntegration  # noqa: PLC0415  optional
        from sentry_sdk.integrations.dedupe import DedupeIntegration  # noqa: PLC0415  optional
        from sentry_sdk.integrations.logging import LoggingIntegration  # noqa: PLC0415  optional
    except ImportError:
        log.warning("Errors are not reported: install sentry-sdk.")
        return False
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        release=settings.VERSION,
        before_send=cleaned,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        default_integrations=False,
        auto_enabling_integrations=False,
        # Django logs an unforeseen error with its traceback: nothing of Django needs to be replaced to hear of it.
        integrations=[
            LoggingIntegration(level=None, event_level=logging.ERROR),
            DedupeIntegration(),
            AtexitIntegration(callback=_say_nothing),
        ],
        auto_session_tracking=False,
        send_client_reports=False,
    )
    return True


def cleaned(event: Any, hint: dict[str, Any]) -> Any:
    """Return the event that is sent in place of `event`."""
    sent = {name: event[name] for name in KEPT if name in event}
    sent["tags"] = {"request_id": request_id.get()}
    request = getattr(hint.get("log_record"), "request", None)
    if request is not None:
        sent["transaction"] = f"{method_of(request)} {route_of(request)}"
    message = event.get("logentry", {}).get("message")
    if message and not str(event.get("logger", "")).startswith(LOGGERS_OF_QUOTES):
        sent["logentry"] = {"message": message}
    if "exception" in event:
        found = [_exception(each) for each in event["exception"]["values"]]
        if found and hint.get("exc_info"):
            found[-1]["value"] = described(hint["exc_info"][1])
        sent["exception"] = {"values": found}
    return sent


def _exception(value: dict[str, Any]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames", [])
    kept = [{name: frame[name] for name in KEPT_OF_FRAMES if name in frame} for frame in frames]
    return {"type": value.get("type"), "module": value.get("module"), "stacktrace": {"frames": kept}}


def _say_nothing(pending: int, timeout: float) -> None:
    """sentry-sdk would print to the terminal what it still has to send."""
