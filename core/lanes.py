"""Two ways through the middleware: browsers take all of it, programs with a key what means something to them."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware
from django.urls import ResolverMatch
from django.utils.log import log_response
from django.utils.module_loading import import_string

from core.addresses import Addresses
from core.middleware import SecurityHeadersMiddleware

GetResponse = Callable[[HttpRequest], HttpResponse]

API = "/api/"
BEARER = "bearer "


def is_of_program(request: HttpRequest) -> bool:
    """Whether the request shows an API key to the API: neither a session nor a cookie says anything about it."""
    given: str = request.META.get("HTTP_AUTHORIZATION", "")
    return given[: len(BEARER)].lower() == BEARER and request.path_info.startswith(API)


class LanesMixin:
    """Makes a handler of Django send requests of programs through `settings.PROGRAM_MIDDLEWARE`.

    Of sessions, cross-site forgery, messages and files a request with a key has nothing; passing them by spares half
    of what an empty request costs. Hosts, https and the headers of answers are looked after here, by Django's own code.
    """

    _get_response: GetResponse

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async)  # type: ignore[misc]  # a handler's
        self._addresses = Addresses()
        of_programs: Any = SafeForPrograms(self._get_response)
        for path in reversed(settings.PROGRAM_MIDDLEWARE):
            of_programs = convert_exception_to_response(import_string(path)(of_programs))
        self._program_chain: GetResponse = of_programs

    def get_response(self, request: HttpRequest) -> HttpResponse:
        """Django's; for programs without the part that only pages need."""
        if not is_of_program(request):
            return super().get_response(request)  # type: ignore[misc,no-any-return]
        response = self._program_chain(request)
        response._resource_closers.append(request.close)  # type: ignore[attr-defined]  # missing in the stubs
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)
        return response

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        """Django's, from memory where an address of the API differs from a former one in nothing but its UUIDs."""
        if not request.path_info.startswith(API):
            return super().resolve_request(request)  # type: ignore[misc,no-any-return]
        request.resolver_match = match = self._addresses.resolve(request.path_info)
        return match


class SafeForPrograms:
    """What Django's middleware does for the safety of any request, said once.

    The host is checked, plain http is sent to https where the settings say so, and answers carry the headers that
    `SecurityMiddleware` and `SecurityHeadersMiddleware` would give each of them.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        self._answer: Any = convert_exception_to_response(self._checked)
        self._security = SecurityMiddleware(lambda _request: HttpResponse())
        self._headers: dict[bool, dict[str, tuple[str, str]]] = {}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self._answer(request)
        headers = response.headers._store  # what `items()` shows, by lower-case name
        for name, header in self._headers_of(request).items():
            headers.setdefault(name, header)
        return response

    def _checked(self, request: HttpRequest) -> HttpResponse:
        """The answer without its headers; errors are turned into answers around this, so that they get them too."""
        request.get_host()
        redirect = self._security.process_request(request) if settings.SECURE_SSL_REDIRECT else None
        return self._get_response(request) if redirect is None else redirect

    def _headers_of(self, request: HttpRequest) -> dict[str, tuple[str, str]]:
        is_secure = request.is_secure()
        if is_secure not in self._headers:
            empty = self._security.process_response(request, HttpResponse())
            SecurityHeadersMiddleware(lambda _request: empty)(request)
            own = {"content-type"}
            self._headers[is_secure] = {
                name.lower(): (name, value) for name, value in empty.items() if name.lower() not in own
            }
        return self._headers[is_secure]
