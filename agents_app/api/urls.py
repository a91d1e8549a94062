"""Addresses of agents and integrations, each with and without a trailing slash."""

from __future__ import annotations

from typing import Any

from django.urls import re_path

from agents_app.api.integrations import IntegrationViewSet
from agents_app.api.views import AgentViewSet

ITEM: dict[str, Any] = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}

urlpatterns = [
    re_path(r"^agents/?$", AgentViewSet.as_view({"get": "list", "post": "create"}, suffix="List"), name="agent-list"),
    re_path(r"^agents/(?P<pk>[^/]+)/?$", AgentViewSet.as_view(ITEM), name="agent-detail"),
    re_path(r"^agents/(?P<pk>[^/]+)/restore/?$", AgentViewSet.as_view({"post": "restore"}), name="agent-restore"),
    re_path(r"^agents/(?P<pk>[^/]+)/persona/?$", AgentViewSet.as_view({"get": "persona"}), name="agent-persona"),
    re_path(
        r"^integrations/?$",
        IntegrationViewSet.as_view({"get": "list", "post": "create"}, suffix="List"),
        name="integration-list",
    ),
    re_path(r"^integrations/(?P<pk>[^/]+)/?$", IntegrationViewSet.as_view(ITEM), name="integration-detail"),
    re_path(
        r"^integrations/(?P<pk>[^/]+)/restore/?$",
        IntegrationViewSet.as_view({"post": "restore"}),
        name="integration-restore",
    ),
    re_path(
        r"^integrations/(?P<pk>[^/]+)/test/?$", IntegrationViewSet.as_view({"post": "test"}), name="integration-test"
    ),
]
