"""What surrounds every request: its id, and the headers that keep a browser from being turned against its user."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from core.logs import client_address, request_id

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

    The id and the caller's address are kept in context for the log and the audit trail.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        current = given if _ACCEPTABLE_ID.fullmatch(given) else uuid4().hex
        request.request_id = current  # type: ignore[attr-defined]
        id_token, address_token = request_id.set(current), client_address.set(_address_of(request))
        try:
            response = self.get_response(request)
        finally:
            request_id.reset(id_token)
            client_address.reset(address_token)
        response["X-Request-ID"] = current
        return response


def _address_of(request: HttpRequest) -> str:
    """The caller's address; behind a proxy the last one of `X-Forwarded-For`, which the proxy itself appended."""
    address: str = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        address = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or address
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
