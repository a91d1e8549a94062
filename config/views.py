"""The pages that belong to no app: where `/` and `/api/` lead, and what answers when nothing else does."""

from __future__ import annotations

import sys
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import reverse
from django.views import defaults
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import problems
from core.outages import outage_of

RESOURCES = (
    *("me", "organizations", "domains", "instances", "memberships", "invitations", "roles", "permissions", "keys"),
    *("agents", "integrations", "agent-sessions"),
    *("threads", "messages", "feedback", "conversations", "sessions"),
    *("usage", "budgets", "price-overrides", "audit"),
)


def home(request: HttpRequest) -> HttpResponse:
    """The admin is the front page."""
    return HttpResponseRedirect(reverse("admin:index"))


def favicon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for it on pages that name no icon."""
    return HttpResponseRedirect(static("parley/icon.svg"))


class ApiRoot(APIView):
    """The addresses of the resources, for people who start by looking around."""

    permission_classes = [AllowAny]

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        links = {name: request.build_absolute_uri(f"/api/{name}") for name in RESOURCES}
        documents = {name: request.build_absolute_uri(f"/api/{name}") for name in ("schema", "docs")}
        return Response(links | documents)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problems.not_found(request, exception)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Also what answers an error in a middleware, which may have found no database where it keeps sessions."""
    if outage := outage_of(sys.exception()):
        return problems.unavailable(request, outage)
    if request.path.startswith("/api/"):
        return problems.server_error(request)
    return defaults.server_error(request)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problems.bad_request(request)
    return defaults.bad_request(request, exception)
