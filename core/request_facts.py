"""What may be told of a request to those who run the server: never a text of anybody, never an address as it came."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from django.contrib.admindocs.views import simplify_regex
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.errors import StorageFull, Unavailable
from core.renderers import PROBLEM_MEDIA_TYPE

METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
OTHER = "OTHER"
UNMATCHED = "unmatched"
"""Stands for addresses that lead nowhere, and for files."""

UNKNOWN = "unknown"
OF_PAGES = {Unavailable.status: Unavailable.code, StorageFull.status: StorageFull.code}
"""What pages for people, which carry no code, say by their status."""

_NAMED = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")

ANSWERED_WITHOUT_ROUTE = frozenset({"/healthz", "/readyz", "/metrics"})


def method_of(request: HttpRequest) -> str:
    method = request.method or ""
    return method if method in METHODS else OTHER


def route_of(request: HttpRequest) -> str:
    """Return the address with names in place of values, `/api/threads/{pk}`."""
    match = request.resolver_match
    if match is not None:
        return _template(match.route)
    path = request.path_info.rstrip("/")
    return path if path in ANSWERED_WITHOUT_ROUTE else UNMATCHED


@lru_cache(maxsize=2048)
def _template(route: str) -> str:
    """`api/threads/(?P<pk>[^/]+)/messages/?$` and `admin/<path:object_id>/change/` as people write addresses."""
    shown: str = simplify_regex(route.replace("/?$", ""))
    template = _NAMED.sub(r"{\1}", shown).rstrip("/") or "/"
    # A group without a name stands in the pattern that catches what leads nowhere.
    return UNMATCHED if "{var}" in template else template


def actor_of(request: HttpRequest) -> dict[str, str]:
    """Return who asked, as far as it is known already: kind, ids, and of a key its visible beginning."""
    actor: Any = getattr(request, "auth", None)
    if actor is not None:
        found = {"kind": actor.kind, "organization_id": actor.organization_id}
        found |= {"key_id": actor.key_id, "key": actor.label} if actor.key_id else {}
        found |= {"user_id": actor.user_id} if actor.user_id else {}
        return {name: str(value) for name, value in found.items()}
    # What Django's middleware leaves there once somebody has asked for the user: looking must not cost a statement.
    user = getattr(request, "_cached_user", None)
    if user is not None and user.is_authenticated:
        return {"kind": "user", "user_id": str(user.pk)}
    return {"kind": "anonymous"}


def failure_of(request: HttpRequest, response: HttpResponseBase) -> str:
    """Return what an answer with a 5xx status was caused by: the code of a problem, or the class of an exception."""
    raised: str | None = getattr(request, "raised", None)
    if raised is not None:
        return raised
    if response.streaming or response.headers.get("Content-Type") != PROBLEM_MEDIA_TYPE:
        return OF_PAGES.get(response.status_code, UNKNOWN)
    document = json.loads(response.content)  # type: ignore[attr-defined]  # every one that is no stream
    return str(document.get("code", UNKNOWN))
