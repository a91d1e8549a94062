"""What surrounds every request: its id, and the headers that keep a browser from being turned against its user."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from os import urandom

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from core import problems
from core.logs import client_address, request_id
from core.observer import Observer
from core.outages import outage_of

log = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponse]

_ACCEPTABLE_ID = re.compile(r"[\w.-]{1,128}", re.ASCII)

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        # DRF's browsable pages and Swagger UI carry style attributes.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


class RequestIdMiddleware:
    """Takes `X-Request-ID` from the caller when it is harmless, makes one otherwise, and sends it back.

    The id and the caller's address are kept in context for the log and the audit trail. It is the outermost of all, so
    it also has the request observed, when the settings want that (`core.observer`).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._observer = Observer()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        current = given if given and _ACCEPTABLE_ID.fullmatch(given) else urandom(16).hex()
        request.request_id = current  # type: ignore[attr-defined]
        id_token, address_token = request_id.set(current), client_address.set(_address_of(request))
        watch = self._observer.begin(request) if self._observer.is_wanted else None
        try:
            response = self.get_response(request)
            if watch is not None:
                self._observer.finish(watch, response)
        finally:
            request_id.reset(id_token)
            client_address.reset(address_token)
        response.headers["X-Request-ID"] = current
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Keep what an answer of 500 came from, for the metrics."""
        request.raised = type(exception).__name__  # type: ignore[attr-defined]


def _address_of(request: HttpRequest) -> str:
    """The caller's address; behind a proxy the last one of `X-Forwarded-For`, which the proxy itself appended."""
    address: str = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        address = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or address
    return _as_written(address)


@lru_cache(maxsize=4096)
def _as_written(address: str) -> str:
    """One spelling of an address; nothing for what is none."""
    try:
        return str(ip_address(address))
    except ValueError:
        return ""


class SecurityHeadersMiddleware:
    """A Content-Security-Policy without inline script, for every page."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return response


class OutageMiddleware:
    """Answers 503 where a page finds no database, 507 where the disk is full; the API words it by itself."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        outage = outage_of(exception)
        if outage is None:
            return None
        log.error("%s %s", outage.title, exception)
        return problems.unavailable(request, outage)
