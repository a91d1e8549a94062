"""Usage in the admin: looked at, summed up, never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest
from django.utils import timezone

from core.admin import (
    DateFilter,
    OrganizationFilter,
    ReadOnlyTenantAdmin,
    Suggestion,
    ValueFilter,
    clock_time,
)
from ledger.models import Budget, UsageRecord
from ledger.models.usage import TOKENS
from ledger.money import CURRENCY, dollars
from ledger.services.budgets import start_of
from ledger.totals import cost_of, sums_of_cost

UNKNOWN = "unknown"


class CallDateFilter(DateFilter):
    title = "day of the call"
    column = "created_at"
    parameter_prefix = "called"


class ExactValueFilter(ValueFilter):
    """A value that is written, since a list of all that occur would read the whole table."""

    def suggestions(self) -> list[Suggestion]:
        return []


class ProviderFilter(ExactValueFilter):
    title = "provider"
    parameter_name = "provider"
    lookup = "provider"


class ModelFilter(ExactValueFilter):
    title = "model"
    parameter_name = "model"
    lookup = "model"


class CostFilter(admin.SimpleListFilter):
    title = "cost"
    parameter_name = "cost"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("known", "Known"), (UNKNOWN, "Unknown")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        return queryset if value is None else queryset.filter(cost_units__isnull=value == UNKNOWN)


def shown_cost(units: int | None) -> str:
    """Return an amount as lists show it; one that is not known is never shown as 0."""
    return UNKNOWN if units is None else f"{dollars(units)} {CURRENCY}"


@admin.register(UsageRecord)
class UsageRecordAdmin(ReadOnlyTenantAdmin):
    """Calls of models, newest first, with what they cost in this month."""

    permission_noun = "usage"
    change_list_template = "admin/ledger/usagerecord/change_list.html"
    list_display = ("called", "organization", "provider", "model", "input_tokens", "output_tokens", "cost")
    list_select_related = ("organization",)
    list_columns = (
        *("created_at", "provider", "model", "input_tokens", "output_tokens", "cost_units"),
        "organization__name",
    )
    list_filter = (OrganizationFilter, CallDateFilter, ProviderFilter, ModelFilter, CostFilter)
    ordering = ("-id",)
    ordering_inside = ("-created_at", "-id")
    sortable_by = ()
    fields: ClassVar = (
        *("organization", "id", "created_at", "recorded_at", "provider", "model", *TOKENS, "latency_ms"),
        *("cost", "price_source", "price_date", "agent_id", "thread_id", "message_id", "domain_id"),
        *("user_id", "key_id", "external_id", "metadata"),
    )
    readonly_fields = fields

    @admin.display(description="called")
    def called(self, row: UsageRecord) -> str:
        return clock_time(row.created_at)

    @admin.display(description="cost")
    def cost(self, row: UsageRecord) -> str:
        return shown_cost(row.cost_units)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        response = super().changelist_view(request, extra_context)
        context: dict[str, Any] | None = getattr(response, "context_data", None)
        if context is not None and "cl" in context:
            context["month"] = month_of(context["cl"].queryset, timezone.now())
        return response


def month_of(rows: Any, now: datetime) -> dict[str, Any]:
    """Return what the listed rows of the present month, in UTC, cost together."""
    since = start_of(Budget.Period.MONTH, now)
    sums = rows.filter(created_at__gte=since).order_by().aggregate(requests=Count("pk"), **sums_of_cost())
    unknown = sums["unknown_cost_requests"] or 0
    is_unknown = sums["requests"] > 0 and sums["requests"] == unknown
    return {
        "name": f"{since:%B %Y}",
        "cost": shown_cost(None if is_unknown else cost_of(sums)),
        "calls": sums["requests"],
        "unknown": unknown,
    }
