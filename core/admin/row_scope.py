"""The second wall around the admin: staff see the rows of the organizations they are granted something in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse

from core import row_security
from core.admin.tenants import scope_of

OWN_PAGES = frozenset({"login", "logout", "password_change", "password_change_done", "jsi18n"})
"""Pages about the person themselves, whom no organization narrows."""

View = Callable[..., HttpResponseBase]


class RowScopeMiddleware:
    """Runs the admin's pages in a scope, where row-level security is on; platform administrators go without.

    The page is rendered inside: what a template reads is narrowed too, and an error rolls back what was done.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: View, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if not row_security.is_enabled() or not _shows_rows(request) or scope_of(request).is_unlimited:
            return None
        with row_security.scope({grant.organization_id for grant in scope_of(request).grants}):
            response = view(request, *args, **kwargs)
            if isinstance(response, SimpleTemplateResponse):
                response.render()
            row_security.keep_scope(response)
        return response


def _shows_rows(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and match.app_name == "admin" and match.url_name not in OWN_PAGES
