"""Addresses of what happened and what it cost, each with and without a trailing slash."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, re_path

from ledger.api.audit import AuditViewSet
from ledger.api.budgets import BudgetViewSet, PriceOverrideViewSet
from ledger.api.usage import UsageViewSet

COLLECTION: dict[str, Any] = {"get": "list", "post": "create"}
ITEM: dict[str, Any] = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
PK = r"(?P<pk>[^/]+)"

usage_urls: list[URLPattern] = [
    re_path(r"^usage/?$", UsageViewSet.as_view(COLLECTION, suffix="List"), name="usage-list"),
    re_path(r"^usage/batch/?$", UsageViewSet.as_view({"post": "batch"}), name="usage-batch"),
    re_path(r"^usage/totals/?$", UsageViewSet.as_view({"get": "totals"}), name="usage-totals"),
    re_path(r"^usage/export/?$", UsageViewSet.as_view({"get": "export"}), name="usage-export"),
    re_path(rf"^usage/{PK}/?$", UsageViewSet.as_view({"get": "retrieve"}), name="usage-detail"),
    re_path(r"^budgets/?$", BudgetViewSet.as_view(COLLECTION, suffix="List"), name="budget-list"),
    re_path(r"^budgets/check/?$", BudgetViewSet.as_view({"get": "check"}), name="budget-check"),
    re_path(rf"^budgets/{PK}/?$", BudgetViewSet.as_view(ITEM), name="budget-detail"),
    re_path(
        r"^price-overrides/?$", PriceOverrideViewSet.as_view(COLLECTION, suffix="List"), name="price-override-list"
    ),
    re_path(rf"^price-overrides/{PK}/?$", PriceOverrideViewSet.as_view(ITEM), name="price-override-detail"),
]

audit_urls: list[URLPattern] = [
    re_path(r"^audit/?$", AuditViewSet.as_view({"get": "list"}, suffix="List"), name="audit-list"),
    re_path(r"^audit/export/?$", AuditViewSet.as_view({"get": "export"}), name="audit-export"),
    re_path(rf"^audit/{PK}/?$", AuditViewSet.as_view({"get": "retrieve"}), name="audit-detail"),
]

urlpatterns: list[URLPattern] = [*usage_urls, *audit_urls]
