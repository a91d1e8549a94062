"""System check: no route without a permission code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import URLPattern, URLResolver, get_resolver

from core.viewsets import BaseViewSet

API_PREFIX = "api/"
OPEN_VIEWS = frozenset({"schema", "docs", "docs-script", "api-root"})
"""Names of routes under `/api/` that show nothing of any organization."""


def api_routes(patterns: list[Any] | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every URL pattern under `/api/` with its full route."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLResolver):
            yield from api_routes(pattern.url_patterns, route)
        elif route.startswith(API_PREFIX):
            yield route, pattern


@register(Tags.security)
def check_routes_have_permission_codes(**_options: Any) -> list[CheckMessage]:
    """Refuse a route under `/api/` that no permission code guards."""
    messages: list[CheckMessage] = []
    for route, pattern in api_routes():
        if pattern.name in OPEN_VIEWS:
            continue
        view = getattr(pattern.callback, "cls", None)
        if view is None or not issubclass(view, BaseViewSet):
            messages.append(_error(f"/{route} is not served by a BaseViewSet.", "core.E001"))
            continue
        actions = getattr(pattern.callback, "actions", {})
        missing = sorted(set(actions.values()) - set(view.permission_codes))
        if missing:
            text = f"/{route}: {view.__name__} names no permission code for {', '.join(missing)}."
            messages.append(_error(text, "core.E002"))
    return messages


def _error(text: str, identifier: str) -> Error:
    return Error(text, hint="Add the action to `permission_codes` of the viewset.", id=identifier)
