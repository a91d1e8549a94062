"""Two ways through the middleware: browsers take all of it, programs with a key what means something to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

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
    of what an empty request costs.
    """

    _get_response: GetResponse
    _middleware_chain: GetResponse

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async)  # type: ignore[misc]  # a handler's
        of_browsers = self._middleware_chain
        of_programs: Any = convert_exception_to_response(self._get_response)
        for path in reversed(settings.PROGRAM_MIDDLEWARE):
            of_programs = convert_exception_to_response(import_string(path)(of_programs))

        def choose(request: HttpRequest) -> HttpResponse:
            return of_programs(request) if is_of_program(request) else of_browsers(request)

        self._middleware_chain = choose


class HostMiddleware:
    """Refuses a request for a host that `ALLOWED_HOSTS` does not name."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.get_host()
        return self.get_response(request)
